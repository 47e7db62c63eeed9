package load

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
)

// systemKind is the kind of an error of the system: its text without addresses, so that errors that
// are alike have one.
func systemKind(err error) string {
	if number := syscall.Errno(0); errors.As(err, &number) {
		return number.Error()
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return KindTimeout
	}
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		return op.Err.Error()
	}
	return err.Error()
}
