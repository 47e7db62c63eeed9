//go:build !linux

package main

import "errors"

// allowFiles does nothing: the benchmarks run on Linux only.
func allowFiles(int) error { return errors.ErrUnsupported }
