package transport

import (
	"net"
	"syscall"
)

// Socket is what a system can do with a connection beyond net.Conn, for the authors of transports:
// most requests are there at once and most responses are taken at once, and a deadline for each
// would be a tenth of the cost of a small one. It holds no buffer, so that a connection that waits
// need not have one either.
//
// One goroutine may read and one may write at the same time. A Socket of a net.Conn that is no
// socket, and on systems other than Linux any, can only do what net.Conn can.
type Socket struct {
	nc      net.Conn
	raw     syscall.RawConn // nil where there is nothing beyond net.Conn
	unix    bool
	in, out transfer
}

// transfer is one direction of a Socket: the functions are made once, as each would be an
// allocation for every call.
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
