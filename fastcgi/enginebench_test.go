package fastcgi_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// BenchmarkEngine answers small requests on one kept connection that is no socket: what is left
// without the system's calls, which are most of what BenchmarkHello measures and differ from one
// run to the next.
func BenchmarkEngine(b *testing.B) {
	client, server := net.Pipe()
	client.Close()
	c := &endlessConn{
		Conn:    server,
		request: []byte(nginxHello()),
		left:    b.N,
		turn:    make(chan struct{}, 1),
		done:    make(chan struct{}),
	}
	c.turn <- struct{}{}
	srv := &fastcgi.Server{App: gateway.AppFunc(hello)}
	defer srv.Close()
	b.ReportAllocs()
	go srv.Serve(&oneListener{conn: c, closed: make(chan struct{})})
	<-c.done
}

// endlessConn has the next request when the last was answered. Its Conn is closed, and only there
// for what else a net.Conn has.
type endlessConn struct {
	net.Conn
	request []byte
	left    int
	turn    chan struct{} // holds one while a request may be read
	done    chan struct{} // closed after the last one
}

func (c *endlessConn) Read(p []byte) (int, error) {
	<-c.turn
	if c.left == 0 {
		close(c.done)
		return 0, io.EOF
	}
	c.left--
	return copy(p, c.request), nil
}

// Write takes a whole answer: the engine writes small ones at once.
func (c *endlessConn) Write(p []byte) (int, error) {
	c.turn <- struct{}{}
	return len(p), nil
}

func (c *endlessConn) SetReadDeadline(time.Time) error  { return nil }
func (c *endlessConn) SetWriteDeadline(time.Time) error { return nil }

// oneListener accepts one connection, and then nothing.
type oneListener struct {
	conn   net.Conn
	closed chan struct{}
}

func (l *oneListener) Accept() (net.Conn, error) {
	if c := l.conn; c != nil {
		l.conn = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneListener) Close() error   { close(l.closed); return nil }
func (l *oneListener) Addr() net.Addr { return &net.UnixAddr{Name: "bench", Net: "unix"} }
