package accept

import (
	"errors"
	"slices"

	"golang.org/x/sys/windows"
)

// Passing reports whether err is temporary, so that accept may succeed when tried again.
func Passing(err error) bool {
	var errno windows.Errno
	if !errors.As(err, &errno) {
		return false
	}
	return errno.Temporary() || slices.Contains([]windows.Errno{
		windows.WSAECONNRESET, windows.WSAECONNABORTED, windows.WSAEMFILE, windows.WSAENOBUFS,
		windows.ERROR_NETNAME_DELETED,
	}, errno)
}
