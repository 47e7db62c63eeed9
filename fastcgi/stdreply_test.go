package fastcgi

import (
	"log/slog"
	"net"
	"os"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/transport"
)

// slowConn takes three bytes before each deadline passes.
type slowConn struct {
	net.Conn
	got    string
	closed bool
}

func (c *slowConn) Write(p []byte) (int, error) {
	n := min(3, len(p))
	c.got += string(p[:n])
	if n < len(p) || n == 0 {
		return n, os.ErrDeadlineExceeded
	}
	return n, nil
}

func (c *slowConn) SetWriteDeadline(time.Time) error { return nil }
func (c *slowConn) Close() error                     { c.closed = true; return nil }
func (c *slowConn) RemoteAddr() net.Addr             { return &net.UnixAddr{} }

// TestSendGoesOnWhilePeerTakes: WriteTimeout bounds the wait for progress, not the whole.
func TestSendGoesOnWhilePeerTakes(t *testing.T) {
	nc := new(slowConn)
	c := &stdConn{server: &StdServer{ErrorLog: slog.New(slog.DiscardHandler)}, nc: nc, lc: new(transport.Conn), cancel: func() {}}
	if err := c.send([]byte("0123456789")); err != nil || nc.got != "0123456789" || nc.closed {
		t.Errorf("got %v after %q, closed %t", err, nc.got, nc.closed)
	}
	if err := c.send([]byte("")); err != os.ErrDeadlineExceeded || !nc.closed || !c.finished {
		t.Errorf("a peer that takes nothing: got %v, closed %t", err, nc.closed)
	}
}
