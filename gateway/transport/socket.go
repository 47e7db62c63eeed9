package transport

import (
	"net"
	"syscall"
)

// Socket adds to a net.Conn the calls that the operating system offers beyond it, for the authors
// of transports. Its reads and writes can return at once without a deadline: most requests arrive
// in one piece and most responses are taken at once, and a deadline for each would be a tenth of
// the cost of a small exchange. A Socket holds no buffer, so that a connection that waits needs
// none.
//
// One goroutine may read and one may write at the same time. If the net.Conn is not a socket of the
// system, or the system is not Linux, the Socket can do only what net.Conn can.
type Socket struct {
	nc      net.Conn
	raw     syscall.RawConn // nil if only net.Conn can be used
	unix    bool
	in, out transfer
}

// transfer is one direction of a Socket. Its functions are created once, since a closure for each
// call would be an allocation.
type transfer struct {
	now    func(fd uintptr)      // transfers p without waiting
	lazy   func(fd uintptr) bool // reads into buffer; reports whether the wait is over
	p      []byte
	flags  int
	n      int
	err    error
	buffer Buffer
	some   func(fd uintptr) bool // writes some of v; reports whether the wait is over
	v      [][]byte
	both   func(fd uintptr) // reads into pair without waiting
	pair   [2][]byte
}

// Buffer provides the memory into which ReadLazily reads.
type Buffer interface {
	Acquire() []byte // returns a slice to read into, not empty
	Release()        // gets the slice back, if one was acquired, before each wait for bytes
}

// NewSocket returns the Socket of nc. The caller remains responsible for closing nc.
func NewSocket(nc net.Conn) *Socket {
	s := &Socket{nc: nc}
	s.initRaw()
	return s
}
