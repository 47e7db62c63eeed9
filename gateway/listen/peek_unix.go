//go:build unix

package listen

import (
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// peek waits under the read deadline for the first byte of c, and leaves it in the system. It
// returns the connection to use from then on, which is c itself if c is a socket.
func peek(c net.Conn) (net.Conn, byte, error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return readAhead(c)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, 0, err
	}
	var first [1]byte
	var n int
	var recvErr error
	err = raw.Read(func(fd uintptr) bool {
		n, _, recvErr = unix.Recvfrom(int(fd), first[:], unix.MSG_PEEK)
		return recvErr != unix.EAGAIN
	})
	switch {
	case err != nil:
		return nil, 0, err
	case recvErr != nil:
		return nil, 0, recvErr
	case n == 0:
		return nil, 0, io.EOF
	}
	return c, first[0], nil
}
