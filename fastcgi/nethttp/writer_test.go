package nethttp

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/transport"
)

// slowConn takes three bytes before each deadline passes.
type slowConn struct {
	sink
	closed bool
}

func (c *slowConn) Write(p []byte) (int, error) {
	n := min(3, len(p))
	c.wrote = append(c.wrote, p[:n]...)
	if n < len(p) || n == 0 {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

func (c *slowConn) Close() error { c.closed = true; return nil }

// TestSendGoesOnWhilePeerTakes: WriteTimeout bounds the wait for progress, not the whole.
func TestSendGoesOnWhilePeerTakes(t *testing.T) {
	nc := new(slowConn)
	w := &writer{nc: nc, socket: transport.NewSocket(nc), timeout: time.Minute}
	if err := w.send([]byte("0123456789")); err != nil || string(nc.wrote) != "0123456789" || nc.closed {
		t.Errorf("got %v after %q, closed %t", err, nc.wrote, nc.closed)
	}
}

// TestSendFails: the App and the connection get the error when the peer stops reading.
func TestSendFails(t *testing.T) {
	for _, test := range []struct {
		name  string
		spoil func(w *writer, near, far net.Conn)
		want  error
		told  bool // the connection
	}{
		{"peer silent", func(*writer, net.Conn, net.Conn) {}, os.ErrDeadlineExceeded, true},
		{"peer gone", func(_ *writer, _, far net.Conn) { far.Close() }, io.ErrClosedPipe, true},
		{"closed by the reader", func(_ *writer, near, _ net.Conn) { near.Close() }, io.ErrClosedPipe, true},
		{"server closed", func(w *writer, _, _ net.Conn) { w.abort() }, io.ErrClosedPipe, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			near, far := net.Pipe()
			defer far.Close()
			told := false
			w := &writer{nc: near, socket: transport.NewSocket(near), timeout: 20 * time.Millisecond, failed: func(error, bool) { told = true }}
			test.spoil(w, near, far)
			w.mu.Lock()
			defer w.mu.Unlock()
			if err := w.send([]byte("x")); !errors.Is(err, test.want) || told != test.told {
				t.Errorf("got %v, told %t; want %v, %t", err, told, test.want, test.told)
			}
			if err := w.send([]byte("x")); err != io.ErrClosedPipe {
				t.Errorf("the next write gave %v", err)
			}
		})
	}
}
