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

// conn is a connection as net/http gets it. It bounds each wait for the client to take bytes, where
// http.Server.WriteTimeout bounds the response as a whole and so ends downloads and streams. Waits
// for the request are net/http's and stdin's: net/http moves read deadlines about for purposes of
// its own.
type conn struct {
	net.Conn
	socket       *transport.Socket
	tracked      *transport.Conn
	ctx          context.Context // ends when the server is closed
	writeTimeout time.Duration   // not positive is none
	spent        atomic.Bool     // a body broke off: what follows is no request
	line         requestLine
	framing      framing
	closing      sync.Once
	closed       chan struct{}
}

// Read reads nothing more once the connection is spent.
func (c *conn) Read(p []byte) (int, error) {
	if c.spent.Load() {
		return 0, io.EOF
	}
	n, err := c.Conn.Read(p)
	c.line.read(p[:n], len(p))
	c.framing.observe(p[:n])
	return n, err
}

// Write bounds each wait for the client to take some of p. What the system takes at once needs no
// deadline.
func (c *conn) Write(p []byte) (int, error) {
	c.line.wrote(p, c.RemoteAddr)
	done := c.socket.WriteNow(p)
	if done == len(p) {
		return done, nil
	}
	n, err := c.socket.WriteAll(&net.Buffers{p[done:]}, c.writeTimeout, nil)
	return done + int(n), err
}

// ReadFrom is how net/http sends a file. Unlike net/http, Socket.SendFile knows unix sockets.
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

// CloseWrite lets net/http linger: it looks for this method.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return errors.ErrUnsupported
}

// resetOnClose is for a broken response to an HTTP/1.0 client, which may know the end of the body
// by that of the connection alone. Others see that a length or the last chunk is missing. A unix
// socket has no such thing.
func (c *conn) resetOnClose() {
	if tcp, ok := c.Conn.(interface{ SetLinger(int) error }); ok {
		_ = tcp.SetLinger(0)
	}
}

// Close may be called more than once, and is by net/http.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closing.Do(func() {
		err = c.Conn.Close()
		close(c.closed)
	})
	return err
}

// single is a listener with one connection: net/http takes no connection otherwise. Its Accept
// fails when that has ended.
type single struct {
	conn   *conn
	handed bool
}

func (l *single) Accept() (net.Conn, error) {
	if !l.handed {
		l.handed = true
		return l.conn, nil
	}
	<-l.conn.closed
	return nil, net.ErrClosed
}

func (l *single) Close() error   { return nil }
func (l *single) Addr() net.Addr { return l.conn.LocalAddr() }
