//go:build unix && !linux

package transport

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// Quiet reports whether nothing has arrived on an idle connection: no byte, no end and no failure.
// It does not wait. A connection that is not quiet must not be used again.
func (s *Socket) Quiet() bool {
	sc, ok := s.nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Control(func(fd uintptr) {
		_, _, err := unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK)
		quiet = err == unix.EAGAIN
	})
	return err == nil && quiet
}
