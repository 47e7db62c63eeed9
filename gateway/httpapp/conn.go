package httpapp

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is the connection that net/http gets. It bounds each wait for the client to take bytes.
// http.Server.WriteTimeout bounds the whole response instead, and so breaks long downloads and
// streams. net/http and stdin bound the waits for the request, since net/http sets read deadlines
// for its own purposes.
type conn struct {
	net.Conn
	socket       *transport.Socket
	tracked      *transport.Conn
	ctx          context.Context // ends when the server is closed
	writeTimeout time.Duration   // zero or less: no bound
	stopped      atomic.Bool     // a body broke off: what follows is not a request
	lingers      atomic.Bool     // Close leaves the connection to linger
	opaque       atomic.Bool     // the bytes are not those of HTTP/1: they are of TLS or HTTP/2
	line         requestLine
	framing      framing
	closing      sync.Once
	closed       chan struct{}
}

// RemoteAddr returns the address that a PROXY protocol header announces, and otherwise the peer's.
// It is http.Request.RemoteAddr.
func (c *conn) RemoteAddr() net.Addr { return c.tracked.RemoteAddr() }

// Read returns io.EOF after stopReading.
func (c *conn) Read(p []byte) (int, error) {
	if c.stopped.Load() {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	if !c.opaque.Load() {
		c.line.noteRead(p[:n], len(p))
		c.framing.observe(p[:n])
	}
	return n, err
}

// Write bounds each wait for the client to take some of p. Bytes that the system takes at once need
// no deadline.
func (c *conn) Write(p []byte) (int, error) {
	asked := len(p)
	if !c.opaque.Load() {
		p = c.line.noteWritten(p, c.RemoteAddr)
	}
	done := c.socket.WriteNow(p)
	if done == len(p) {
		return asked, nil
	}
	n, err := c.socket.WriteAll(&net.Buffers{p[done:]}, c.writeTimeout, nil)
	if done += int(n); done == len(p) {
		done = asked
	}
	return min(done, asked), err
}

// ReadFrom sends a file for net/http. Unlike net/http, Socket.SendFile uses sendfile(2) on unix
// sockets too.
func (c *conn) ReadFrom(src io.Reader) (int64, error) {
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: -1}
	}
	f, ok := limited.R.(gateway.File)
	if !ok {
		return io.Copy(writerOnly{c}, src)
	}
	n, err := c.socket.SendFile(f, limited.N, c.writeTimeout, nil)
	if limited.N >= 0 {
		limited.N -= n
	}
	return n, err
}

// CloseWrite lets net/http close only the writing end before it closes the connection. net/http
// checks for this method.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// resetOnClose makes Close a reset, after a broken response to an HTTP/1.0 client, for which the
// end of the connection may be the end of the body. Other clients see that bytes or the last chunk
// are missing. A unix socket cannot be reset in this way.
func (c *conn) resetOnClose() {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}

// Close may be called more than once, as net/http does. It does not wait for the client.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		err = nil
		if !c.lingers.Load() {
			err = c.Conn.Close()
		}
		close(c.closed)
	})
	return err
}

// linger reads the rest of a body that was unread when its response was complete.
func (c *conn) linger() {
	if c.lingers.Load() {
		transport.Linger(c.Conn, make([]byte, 32<<10))
	}
}

// single is a listener with one connection, since net/http serves listeners only. Its second Accept
// waits until the connection is closed, and fails.
type single struct {
	net.Conn       // for net/http: conn, or TLS on it
	conn     *conn // below TLS
	accepted bool
}

func (l *single) Accept() (net.Conn, error) {
	if !l.accepted {
		l.accepted = true
		return l.Conn, nil
	}
	<-l.conn.closed
	return nil, net.ErrClosed
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }
