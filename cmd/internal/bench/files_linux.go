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
	most := max(now.Max, uint64(n))
	// Go has raised the limit of this process, but not that of its children, unless it is set here.
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &syscall.Rlimit{Cur: most, Max: most}); err != nil {
		return fmt.Errorf("%d files may be open, %d are needed (see -conns): %w", now.Max, n, err)
	}
	return nil
}
