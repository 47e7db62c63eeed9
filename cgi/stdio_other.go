//go:build !unix

package cgi

import "os"

// duplicate returns the file itself: a system without SIGPIPE needs no copy.
func duplicate(_ int, standard *os.File) (*os.File, error) { return standard, nil }
