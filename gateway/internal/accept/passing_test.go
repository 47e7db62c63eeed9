package accept

import (
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestPassing(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{errTooManyFiles, true},
		{&net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errTooManyFiles)}, true},
		{syscall.EINVAL, false},
		{net.ErrClosed, false},
		{io.EOF, false},
	} {
		if got := Passing(tt.err); got != tt.want {
			t.Errorf("Passing(%v) = %v; want %v", tt.err, got, tt.want)
		}
	}
}
