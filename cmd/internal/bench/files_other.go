//go:build !linux

package main

import "errors"

// allowFiles is for Linux, where the benchmarks run.
func allowFiles(int) error { return errors.ErrUnsupported }
