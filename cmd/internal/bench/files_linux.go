package main

import (
	"fmt"
	"syscall"
)

// allowFiles lets this process and its children open so many files.
func allowFiles(n int) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &now); err != nil {
		return err
	}
	if now.Max >= uint64(n) {
		return nil // Go raises its own limit to that
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: uint64(n), Max: uint64(n)}); err != nil {
		return fmt.Errorf("%d files may be open, %d are needed (see -conns): %w", now.Max, n, err)
	}
	return nil
}
