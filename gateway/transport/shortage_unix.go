//go:build unix

package transport

import (
	"errors"
	"slices"
	"syscall"
)

// isShortage reports whether a dial failed because this process or system is short of something:
// descriptors, memory, or local ports.
func isShortage(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && slices.Contains([]syscall.Errno{
		syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
	}, errno)
}
