//go:build unix

package listen

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peek waits under the read deadline for the first byte of c, and leaves it in the system. It
// returns the connection to use from then on, which is c itself if c is a socket.
func peek(c net.Conn) (net.Conn, byte, error) {
	var first [1]byte
	_, err := peekSome(c, first[:])
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return readAhead(c)
	case err != nil:
		return nil, 0, err
	}
	return c, first[0], nil
}

// peekSome waits under the read deadline until bytes of c arrive. It copies them into p as far as
// they fit, and leaves them in the system. The error is io.EOF if no byte is left, and
// errors.ErrUnsupported if c is not a socket.
func peekSome(c net.Conn, p []byte) (n int, err error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var recvErr error
	err = raw.Read(func(fd uintptr) bool {
		n, _, recvErr = unix.Recvfrom(int(fd), p, unix.MSG_PEEK)
		return recvErr != unix.EAGAIN
	})
	switch {
	case err != nil:
		return 0, err
	case recvErr != nil:
		return 0, recvErr
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}
