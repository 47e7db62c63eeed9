package gateway

import (
	"errors"
	"syscall"
)

// systemGone knows Windows' own names: ERROR_BROKEN_PIPE, ERROR_NO_DATA (a pipe being closed),
// WSAECONNABORTED, WSAECONNRESET.
func systemGone(err error) bool {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return false
	}
	return no == syscall.ERROR_BROKEN_PIPE || no == 232 || no == syscall.WSAECONNABORTED || no == syscall.WSAECONNRESET
}
