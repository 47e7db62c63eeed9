package transport

import (
	"errors"
	"net"
	"os"
	"syscall"
)

// Socket is what a system can do with a connection beyond net.Conn, for the authors of transports: most requests are there at
// once and most responses are taken at once, and a deadline for each would be a tenth of the cost of a small one. It holds no
// buffer, so that a connection that waits need not have one either.
//
// One goroutine may read and one may write at the same time. A Socket of a net.Conn that is no socket, and on systems other
// than Linux any, can only do what net.Conn can.
type Socket struct {
	nc      net.Conn
	raw     syscall.RawConn // nil where there is nothing beyond net.Conn
	unix    bool
	in, out transfer
}

// transfer is one direction of a Socket: the functions are made once, as each would be an allocation for every call.
type transfer struct {
	now    func(fd uintptr)      // once
	again  func(fd uintptr) bool // until it is done
	p      []byte
	flags  int
	n      int
	err    error
	buffer Buffer
	some   func(fd uintptr) bool // until some of v is taken
	v      [][]byte
}

// Buffer is where ReadLazily puts what it reads.
type Buffer interface {
	Acquire() []byte // returns room, which must not be empty
	Release()        // takes it back unused
}

// NewSocket returns the Socket of nc, which stays the caller's to close.
func NewSocket(nc net.Conn) *Socket {
	s := &Socket{nc: nc}
	s.open()
	return s
}

// WriteAll writes all of v, which it empties, and returns how many bytes that was. before, if not nil, is called before each
// wait for the peer: the place to move the write deadline on. A wait ends as soon as the system takes some bytes, so that a peer
// that reads no more is given up one timeout after its last byte was taken, and the bytes that only fill the system's buffers
// gain it no more time. On systems other than Linux it may have up to two timeouts. An error of before ends the writing.
func (s *Socket) WriteAll(v *net.Buffers, before func() error) (written int64, err error) {
	for len(*v) > 0 {
		if before != nil {
			if err := before(); err != nil {
				return written, err
			}
		}
		n, err := s.writeSome(v)
		written += n
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// writeUntilDeadline is writeSome with the means of net.Conn, which do not tell when a part of v was taken.
func (s *Socket) writeUntilDeadline(v *net.Buffers) (int64, error) {
	n, err := v.WriteTo(s.nc)
	if n > 0 && errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil
	}
	return n, err
}
