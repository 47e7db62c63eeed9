package client

import (
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is a connection to an application, used by one exchange at a time: a connection of the pool,
// or a stream of a shared connection.
type conn struct {
	call  *transport.Call
	in    *input // nil between two exchanges
	owner owner

	id   uint16 // of the request under way
	keep bool   // requests carry FCGI_KEEP_CONN
	used bool   // had an exchange before

	// The pool uses these.
	dialed    time.Time
	idleSince time.Time
}

// owner is the source of an exchange's connection. The exchange returns the connection to it by one
// call of either release or discard.
type owner interface {
	release(*conn)    // after a complete exchange
	discard(*conn)    // after any other exchange: the connection is closed
	noteAnswer(*conn) // the first byte of a response has arrived
	closedBy() error  // the error of an exchange that Client.Close has ended; nil before Close
}

func newConn(call *transport.Call, o owner) *conn {
	c := &conn{call: call, owner: o}
	c.reserveReader()
	return c
}

// reserveReader provides the read buffer of an exchange.
func (c *conn) reserveReader() {
	c.in = inputs.Get().(*input)
	c.in.Reset(c.call)
}

// releaseReader returns the read buffer after a complete exchange. After any other exchange the
// buffer is left to the collector, because the exchange may still be reading.
func (c *conn) releaseReader() {
	c.in.Reset(nil)
	inputs.Put(c.in)
	c.in = nil
}

// nextID sets the id of the next request, which differs from the previous one. Id 0 means the
// connection itself.
func (c *conn) nextID() {
	c.id++
	if c.id == 0 {
		c.id = 1
	}
}

// readHeader reads the header of a record. If the connection ends between records, the error is
// io.EOF.
func (c *conn) readHeader() (wire.Header, error) {
	b, err := c.in.Peek(wire.HeaderSize)
	if err != nil {
		return wire.Header{}, err
	}
	h, err := wire.ParseHeader([wire.HeaderSize]byte(b))
	c.in.Discard(wire.HeaderSize)
	return h, err
}

// shared reports whether the connection is a stream of a shared connection.
func (c *conn) shared() bool {
	_, shared := c.owner.(*stream)
	return shared
}

// bufferEmpty reports whether no byte was read beyond the last record.
func (c *conn) bufferEmpty() bool { return c.in.Buffered() == 0 }

// usable reports whether an idle connection may be used again: it has been idle for less than
// idleTimeout, and no byte has arrived on it.
func (c *conn) usable(idleTimeout time.Duration) bool {
	return (idleTimeout <= 0 || time.Since(c.idleSince) < idleTimeout) && c.call.Quiet()
}
