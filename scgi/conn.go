package scgi

import (
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is one connection as gateway wants it: the place where the response goes, and, for input, where the request comes
// from. It keeps the deadlines, and sets them only before it has to wait: most requests are there at once and most responses
// are taken at once, and the runtime's timers would be a tenth of the cost of a small one.
type conn struct {
	net          net.Conn
	socket       *transport.Socket
	readTimeout  time.Duration // negative is none
	writeTimeout time.Duration
	headUntil    time.Time               // while the head is read: the deadline for all of it
	ctx          *gateway.RequestContext // ends when the peer turns out to be gone
	interrupted  atomic.Bool
}

// beginHead sets one deadline for all of the head: if each byte had its own, a slow peer could hold the connection for ever.
func (c *conn) beginHead() {
	if c.readTimeout > 0 {
		c.headUntil = time.Now().Add(c.readTimeout)
	}
}

// endHead gives each wait for the body its own.
func (c *conn) endHead() { c.headUntil = time.Time{} }

// Read waits for bytes, each time for ReadTimeout at most.
func (c *conn) Read(p []byte) (int, error) {
	if n := c.socket.ReadNow(p); n > 0 {
		return n, nil
	}
	c.beforeRead()
	return c.net.Read(p)
}

// Peek is Read that leaves the bytes in the system.
func (c *conn) Peek(p []byte) (int, error) {
	if n := c.socket.PeekNow(p); n > 0 {
		return n, nil
	}
	c.beforeRead()
	return c.socket.Peek(p)
}

func (c *conn) keeps() bool { return c.socket.ResetsByUnread() }

// beforeRead moves the deadline on. Its errors are not looked at, here and elsewhere: what follows would meet them too.
func (c *conn) beforeRead() {
	if c.readTimeout > 0 {
		until := c.headUntil
		if until.IsZero() {
			until = time.Now().Add(c.readTimeout)
		}
		c.net.SetReadDeadline(until)
	}
	if c.interrupted.Load() {
		c.net.SetReadDeadline(longAgo)
	}
}

// longAgo is a deadline that ends all waiting.
var longAgo = time.Unix(1, 0)

// interrupt makes a Read under way fail, and those to come.
func (c *conn) interrupt() {
	c.interrupted.Store(true)
	c.net.SetReadDeadline(longAgo)
}

// Write implements the response's Stdout.
func (c *conn) Write(p []byte) (int, error) {
	done := c.socket.WriteNow(p)
	if done == len(p) {
		return done, nil
	}
	n, err := writeAll(c.net, p[done:], c.writeTimeout)
	return done + n, c.check(err)
}

// writeAll writes p to nc, as long as that takes something within each timeout. A timeout that is not positive is none.
func writeAll(nc net.Conn, p []byte, timeout time.Duration) (n int, err error) {
	for {
		if timeout > 0 {
			nc.SetWriteDeadline(time.Now().Add(timeout))
		}
		wrote, err := nc.Write(p[n:])
		n += wrote
		if wrote == 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			return n, err
		}
	}
}

// SendFile implements gateway.FileSender.
func (c *conn) SendFile(f gateway.File, n int64) (int64, error) {
	sent, err := gateway.SendFile(c.net, f, n, c.beforeWrite)
	return sent, c.check(err)
}

func (c *conn) beforeWrite() error {
	if c.writeTimeout <= 0 {
		return nil
	}
	return c.net.SetWriteDeadline(time.Now().Add(c.writeTimeout))
}

func (c *conn) check(err error) error {
	if gateway.PeerGone(err) {
		c.ctx.End(gateway.ErrClientGone)
	} else if err != nil {
		c.ctx.End(err)
	}
	return err
}

// Bounds of the lingering close: how much is read and thrown away, how long it may take in all, and how long a peer may be
// silent. nginx has 30 s and 5 s for its own.
const (
	lingerBytes = 256 << 20
	lingerTime  = 30 * time.Second
	lingerPause = 5 * time.Second
)

// finish closes after a whole response. If input is left unread, or may still come, closing at once would reset the
// connection and destroy the response that the peer has not read yet; so the writing end alone is closed, and the rest is read
// until the peer closes too.
func (c *conn) finish(in *input, scratch []byte) {
	if in.whole() && c.drained(in.kept, scratch) {
		c.net.Close()
		return
	}
	c.linger(scratch)
	c.net.Close()
}

// drained takes the kept bytes and reports whether there was nothing behind them.
func (c *conn) drained(kept int, scratch []byte) bool {
	n := c.socket.ReadNow(scratch)
	return n == kept && n < len(scratch)
}

func (c *conn) linger(scratch []byte) {
	if w, ok := c.net.(interface{ CloseWrite() error }); ok {
		w.CloseWrite()
	}
	end := time.Now().Add(lingerTime)
	for left := lingerBytes; left > 0; {
		now := time.Now()
		if now.After(end) {
			return
		}
		c.net.SetReadDeadline(now.Add(lingerPause))
		n, err := c.net.Read(scratch)
		if err != nil {
			return
		}
		left -= n
	}
}

// abort closes so that the peer notices: by a reset. Over TCP SO_LINGER does it. A unix socket on Linux is reset if input is
// unread, which input has seen to; where the body did not come to its end, there may be none yet, and the next byte is waited
// for. Elsewhere the peer sees a plain close.
func (c *conn) abort() {
	if t, ok := c.net.(interface{ SetLinger(int) error }); ok {
		t.SetLinger(0)
	}
	if c.keeps() {
		c.net.SetReadDeadline(time.Now().Add(lingerPause))
		c.socket.Peek(make([]byte, 1))
	}
	c.net.Close()
}
