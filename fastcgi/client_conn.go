package fastcgi

import (
	"bufio"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// clientConn is one connection to an application, for one exchange at a time.
type clientConn struct {
	call     *transport.Call
	socket   *transport.Socket
	in       *bufio.Reader
	id       uint16    // of the request under way
	keep     bool      // its requests carry FCGI_KEEP_CONN
	kept     bool      // it has had an exchange
	shared   bool      // it is one request of a connection that others are on too
	dialed   time.Time // when it was made
	answered bool      // the pool knows that it has the attention of the application
	idle     time.Time // when its last exchange ended
}

// clientBuffer holds a small answer whole. What is larger is read past it.
const clientBuffer = 8 << 10

func newClientConn(call *transport.Call) *clientConn {
	return &clientConn{
		call:   call,
		socket: transport.NewSocket(call.Conn),
		in:     bufio.NewReaderSize(call, clientBuffer),
		dialed: time.Now(),
	}
}

// nextID gives each request of the connection another id. 0 is the connection itself.
func (c *clientConn) nextID() uint16 {
	if c.shared {
		return c.id
	}
	c.id++
	if c.id == 0 {
		c.id = 1
	}
	return c.id
}

// header reads the header of a record. The error between records is io.EOF.
func (c *clientConn) header() (wire.Header, error) {
	b, err := c.in.Peek(wire.HeaderSize)
	if err != nil {
		return wire.Header{}, err
	}
	h, err := wire.ParseHeader([wire.HeaderSize]byte(b))
	c.in.Discard(wire.HeaderSize)
	return h, err
}

// clean reports whether nothing was read beyond the last record.
func (c *clientConn) clean() bool { return c.in.Buffered() == 0 }

// fresh reports whether a kept connection may be used.
func (c *clientConn) fresh(idleTimeout time.Duration) bool {
	return (idleTimeout <= 0 || time.Since(c.idle) < idleTimeout) && c.socket.Quiet()
}
