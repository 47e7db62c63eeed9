//go:build unix

package accept

import (
	"fmt"
	"syscall"
	"testing"
)

const errTooManyFiles = syscall.EMFILE

func TestPassingUnix(t *testing.T) {
	for _, errno := range []syscall.Errno{
		syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.ECONNABORTED, syscall.EINTR, syscall.EPROTO, syscall.EHOSTUNREACH,
	} {
		if !Passing(fmt.Errorf("accept: %w", errno)) {
			t.Errorf("%v is not tried again", errno)
		}
	}
	for _, errno := range []syscall.Errno{syscall.EBADF, syscall.ENOTSOCK, syscall.EOPNOTSUPP} {
		if Passing(errno) {
			t.Errorf("%v is tried again for ever", errno)
		}
	}
}
