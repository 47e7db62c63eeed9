package gateway

import (
	"errors"
	"syscall"
)

// systemGone reports the error numbers of Windows: ERROR_BROKEN_PIPE, ERROR_NO_DATA (a pipe that is
// being closed), WSAECONNABORTED and WSAECONNRESET.
func systemGone(err error) bool {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return false
	}
	return no == syscall.ERROR_BROKEN_PIPE || no == 232 || no == syscall.WSAECONNABORTED || no == syscall.WSAECONNRESET
}
