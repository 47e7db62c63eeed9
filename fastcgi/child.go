package fastcgi

import (
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// net/http/fcgi gets each connection as a child: a conversation of its own, in records that a stdConn makes up for it and of which
// it understands the answers. Nothing that a peer sends gets there: a request comes to it complete, without a body, with a slot for
// its id and the three variables below.

// slotVariable is where the handler finds the slot of its request, by fcgi.ProcessEnv.
const slotVariable = "CGIKIT_SLOT"

// appendChildRequest appends the records of the request in a slot. net/http/fcgi insists on a method and a protocol. The flag
// KEEP_CONN leaves the end of the connection to the stdConn.
func appendChildRequest(dst []byte, slot uint16) []byte {
	params := wire.AppendPair(nil, "REQUEST_METHOD", "GET")
	params = wire.AppendPair(params, "SERVER_PROTOCOL", "HTTP/1.1")
	params = wire.AppendPair(params, slotVariable, strconv.Itoa(int(slot)))
	dst = wire.AppendBeginRequest(dst, slot, wire.BeginRequest{Role: RoleResponder, KeepConn: true})
	dst = wire.AppendRecord(dst, wire.TypeParams, slot, params)
	dst = wire.AppendRecord(dst, wire.TypeParams, slot, nil)
	return wire.AppendRecord(dst, wire.TypeStdin, slot, nil)
}

// slotOf finds the slot in a request that net/http/fcgi made of it.
func slotOf(r *http.Request) uint16 {
	slot, _ := strconv.ParseUint(fcgi.ProcessEnv(r)[slotVariable], 10, 16) // as it was written
	return uint16(slot)
}

// child is a connection as net/http/fcgi sees it. The embedded Conn is there for the rest of the interface.
type child struct {
	net.Conn
	records *io.PipeReader // what it reads
	parent  *stdConn       // what understands its answers
	closed  chan struct{}  // closed when net/http/fcgi is done with it
	once    sync.Once
}

// serveChild starts net/http/fcgi on c and returns the end of the pipe by which it gets its records, and a function that waits until
// it is done.
func serveChild(c *stdConn) (feed *io.PipeWriter, wait func()) {
	records, feed := io.Pipe()
	k := &child{Conn: c.nc, records: records, parent: c, closed: make(chan struct{})}
	fcgi.Serve(&oneConn{conn: k}, c) // goes on in a goroutine; its error is that of oneConn
	return feed, func() {
		feed.Close()
		<-k.closed
	}
}

func (k *child) Read(p []byte) (int, error) { return k.records.Read(p) }

func (k *child) Close() error {
	k.once.Do(func() { close(k.closed) })
	return nil
}

// Write takes one record: net/http/fcgi writes each with one call. Errors end the response, as a Write to a socket would.
func (k *child) Write(p []byte) (int, error) {
	h, err := wire.ParseHeader([wire.HeaderSize]byte(p))
	if err != nil {
		return 0, err
	}
	if err := k.parent.fromChild(h, p[wire.HeaderSize:wire.HeaderSize+h.ContentLength]); err != nil {
		return 0, err
	}
	return len(p), nil
}

// oneConn is a listener of one connection.
type oneConn struct{ conn net.Conn }

func (l *oneConn) Accept() (net.Conn, error) {
	if l.conn == nil {
		return nil, io.EOF
	}
	c := l.conn
	l.conn = nil
	return c, nil
}

func (l *oneConn) Addr() net.Addr { return nil }
func (l *oneConn) Close() error   { return nil }
