package client

import (
	"bufio"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is one connection to an application, for one exchange at a time: a connection of the pool,
// or a share of one.
type conn struct {
	call  *transport.Call
	in    *bufio.Reader
	owner owner

	id   uint16 // of the request under way
	keep bool   // requests carry FCGI_KEEP_CONN
	used bool   // it has had an exchange before

	// The pool's.
	dialed    time.Time
	idleSince time.Time
}

// owner is whom an exchange gets its connection from and gives it back to, once, by either of the
// first two methods.
type owner interface {
	release(*conn) // after a complete exchange
	discard(*conn) // after any other: the connection is closed
	noteAnswer(*conn)
}

// readBuffer holds a small response whole. Larger reads go past it.
const readBuffer = 8 << 10

func newConn(call *transport.Call, o owner) *conn {
	return &conn{call: call, in: bufio.NewReaderSize(call, readBuffer), owner: o}
}

// nextID gives each request of the connection another id. 0 is the connection itself.
func (c *conn) nextID() {
	c.id++
	if c.id == 0 {
		c.id = 1
	}
}

// header reads the header of a record. Between records the error is io.EOF.
func (c *conn) header() (wire.Header, error) {
	b, err := c.in.Peek(wire.HeaderSize)
	if err != nil {
		return wire.Header{}, err
	}
	h, err := wire.ParseHeader([wire.HeaderSize]byte(b))
	c.in.Discard(wire.HeaderSize)
	return h, err
}

// shared reports whether the connection is a share of one that carries several requests.
func (c *conn) shared() bool {
	_, shared := c.owner.(*stream)
	return shared
}

// drained reports whether nothing was read beyond the last record.
func (c *conn) drained() bool { return c.in.Buffered() == 0 }

// usable reports whether an idle connection may be used again: it has not been idle for too long,
// and nothing has come on it.
func (c *conn) usable(idleTimeout time.Duration) bool {
	return (idleTimeout <= 0 || time.Since(c.idleSince) < idleTimeout) && c.call.Quiet()
}
