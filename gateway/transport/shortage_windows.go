package transport

import (
	"errors"
	"slices"

	"golang.org/x/sys/windows"
)

// isShortage reports whether a dial failed because this process or system is short of something:
// descriptors, memory, or local ports.
func isShortage(err error) bool {
	var errno windows.Errno
	return errors.As(err, &errno) && slices.Contains([]windows.Errno{
		windows.WSAEMFILE, windows.WSAENOBUFS, windows.WSAEADDRNOTAVAIL,
	}, errno)
}
