//go:build unix

package accept

import (
	"errors"
	"slices"
	"syscall"
)

// Passing reports whether err is temporary, so that accept may succeed when tried again. This
// includes shortages of resources, network errors of the new connection, which Linux returns from
// accept(2) and after which its manual says to try again, and EPERM, which a firewall rule causes.
func Passing(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return errno.Temporary() || slices.Contains([]syscall.Errno{
		syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.ECONNRESET, syscall.EPROTO, syscall.EPERM,
		syscall.ENETDOWN, syscall.ENETUNREACH, syscall.ENOPROTOOPT, syscall.EHOSTDOWN, syscall.EHOSTUNREACH,
	}, errno)
}
