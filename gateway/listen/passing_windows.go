package listen

import (
	"errors"
	"slices"

	"golang.org/x/sys/windows"
)

// passing reports whether accept may succeed when tried again.
func passing(err error) bool {
	var errno windows.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return errno.Temporary() || slices.Contains([]windows.Errno{
		windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.WSAEMFILE, windows.WSAENOBUFS,
		windows.ERROR_NETNAME_DELETED,
	}, errno)
}

// errSystemInUse is bind's answer for an address that is taken; syscall.EADDRINUSE is a number of its own here.
const errSystemInUse = windows.WSAEADDRINUSE
