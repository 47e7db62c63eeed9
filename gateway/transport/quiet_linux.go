package transport

import "golang.org/x/sys/unix"

// Quiet reports whether nothing has arrived on an idle connection: no byte, no end and no failure.
// It does not wait. A connection that is not quiet must not be used again.
func (s *Socket) Quiet() bool {
	if s.raw == nil {
		return true
	}
	var one [1]byte
	s.in.err = nil // not set by receiveNow if the connection is closed
	n := s.receiveNow(one[:], unix.MSG_PEEK)
	return n == 0 && s.in.err == unix.EAGAIN
}
