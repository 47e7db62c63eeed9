package gateway

import (
	"cmp"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxSendfile is the number of bytes that one call requests. The system sends fewer if the peer's
// buffer is full.
const maxSendfile = 1 << 30

// sendFile copies bytes by sendfile(2). The Go library uses sendfile(2) only from an *os.File to a
// socket, and not from an io.LimitedReader to a unix socket or to a pipe; the system call supports
// all of these. handled is false if it does not support this pair of files (O_APPEND, some file
// systems). The caller must then copy the rest.
func sendFile(dst syscall.Conn, f File, n int64, before func() error) (sent int64, handled bool, err error) {
	in, err := f.SyscallConn()
	if err != nil {
		return 0, false, nil
	}
	out, err := dst.SyscallConn()
	if err != nil {
		return 0, false, nil
	}
	for n < 0 || sent < n {
		if before != nil {
			if err := before(); err != nil {
				return sent, true, err
			}
		}
		ask := int64(maxSendfile)
		if n >= 0 {
			ask = min(ask, n-sent)
		}
		got, err := sendfileOnce(out, in, int(ask))
		sent += int64(got)
		switch {
		case err == unix.EINVAL || err == unix.ENOSYS || err == unix.EOPNOTSUPP:
			return sent, false, nil
		case err != nil:
			return sent, true, fmt.Errorf("gateway: sendfile: %w", err)
		case got == 0:
			return sent, true, nil
		}
	}
	return sent, true, nil
}

// sendfileOnce calls sendfile(2) once with success. It repeats a call that a signal interrupts, or
// that must wait for the peer.
func sendfileOnce(out, in syscall.RawConn, n int) (int, error) {
	var got int
	var sendErr, waitErr error
	err := in.Control(func(src uintptr) {
		waitErr = out.Write(func(dst uintptr) bool {
			for {
				got, sendErr = unix.Sendfile(int(dst), int(src), nil, n)
				if sendErr != unix.EINTR {
					return sendErr != unix.EAGAIN
				}
			}
		})
	})
	return max(got, 0), cmp.Or(err, waitErr, sendErr)
}
