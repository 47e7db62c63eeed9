//go:build unix

package accept

import (
	"errors"
	"slices"
	"syscall"
)

// Passing reports whether accept may succeed when tried again. To the shortages come the network
// errors that Linux hands from the new connection to accept(2), whose manual says to try again, and
// EPERM, by which a firewall's rule shows there.
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
