package gateway

import (
	"cmp"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// sendfileMost is what one call asks for. The system sends less when the peer's buffer is full.
const sendfileMost = 1 << 30

// sendFile moves bytes with sendfile(2). Go itself does so only from an *os.File to a socket, and
// not from an io.LimitedReader to a unix socket nor to a pipe; the system call takes all of these.
// handled is false where it does not take this pair of files (O_APPEND, some file systems): the
// rest is for the caller to copy.
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
		ask := int64(sendfileMost)
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

// sendfileOnce makes one call that moves something, waiting for the peer as often as it must.
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
