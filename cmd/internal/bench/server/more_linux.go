package server

import (
	"errors"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// writeMore writes bytes that others follow at once, so that TCP sends both in one segment. It
// makes no difference to a unix socket.
func writeMore(c net.Conn, p []byte) error {
	raw, err := c.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	var sendErr error
	err = raw.Write(func(fd uintptr) bool {
		for len(p) > 0 {
			n, err := unix.SendmsgN(int(fd), p, nil, nil, unix.MSG_MORE|unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
			if err == unix.EAGAIN {
				return false
			}
			if err != nil {
				sendErr = err
				return true
			}
			p = p[n:]
		}
		return true
	})
	return errors.Join(err, sendErr)
}
