package transport

import (
	"errors"
	"slices"

	"golang.org/x/sys/windows"
)

// isShortage reports whether a dial failed for lack of something on this side: descriptors, memory,
// or a local port.
func isShortage(err error) bool {
	var errno windows.Errno
	return errors.As(err, &errno) && slices.Contains([]windows.Errno{
		windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAEADDRNOTAVAIL,
	}, errno)
}
