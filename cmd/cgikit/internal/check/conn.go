package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// maxSources bounds the connections of a check whose client's end is told.
const maxSources = 4

// Bounds of what a check reads and keeps, in bytes.
const (
	maxAnswer     = 16 << 20 // of one connection; a target that sends more answers for ever
	maxTranscript = 4 << 10  // kept of each direction of a check
)

// conn is a connection of a check, which keeps the beginning of all bytes that pass.
type conn struct {
	net.Conn
	p    *probe
	left int // bytes that may still be read
	stop func() bool
	peek []byte // read, and not yet used
}

// dial connects to the target. The connection is closed at the end of the check. The error has a
// hint.
func (p *probe) dial() (*conn, error) {
	nc, err := p.run.Target.Dial(p.ctx)
	if err != nil {
		return nil, err
	}
	c := &conn{Conn: nc, p: p, left: maxAnswer}
	c.stop = context.AfterFunc(p.ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	p.conns = append(p.conns, c)
	if len(p.result.From) < maxSources {
		p.result.From = append(p.result.From, source(nc))
	}
	return c, nil
}

// source is the address by which the log of the target may name a connection.
func source(c net.Conn) string {
	if a := c.LocalAddr(); a != nil && a.Network() == "tcp" {
		return a.String()
	}
	return "unix socket"
}

// Close ends the connection. It may be called twice.
func (c *conn) Close() error {
	c.stop()
	return c.Conn.Close()
}

// send writes bytes. A target that closes the connection early may have answered: what was not sent
// is no error here, and reading shows what happened.
func (c *conn) send(parts ...[]byte) {
	for _, b := range parts {
		c.p.sent.keep(b)
		if _, err := c.Conn.Write(b); err != nil {
			return
		}
	}
}

// sendSlowly writes each byte by itself. It gives the target time to read the first one alone.
func (c *conn) sendSlowly(b []byte) {
	c.p.sent.keep(b)
	for i := range b {
		if i == 1 {
			c.quiet()
		}
		if _, err := c.Conn.Write(b[i : i+1]); err != nil {
			return
		}
	}
}

// closeWrite tells the target that no more bytes follow.
func (c *conn) closeWrite() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
	}
}

// Read implements io.Reader.
func (c *conn) Read(b []byte) (int, error) {
	if len(c.peek) > 0 {
		n := copy(b, c.peek)
		c.peek = c.peek[n:]
		return n, nil
	}
	if c.left <= 0 {
		return 0, errEndless
	}
	n, err := c.Conn.Read(b[:min(len(b), c.left)])
	c.left -= n
	c.p.got.keep(b[:n])
	return n, err
}

var errEndless = fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)

// quiet reports whether nothing arrives for a moment. It returns at once when something does.
func (c *conn) quiet() bool {
	c.SetReadDeadline(time.Now().Add(c.p.run.quiet()))
	b := make([]byte, 1)
	n, err := c.Read(b)
	c.peek = append(c.peek, b[:n]...)
	c.SetReadDeadline(time.Time{})
	if c.p.ctx.Err() != nil {
		c.SetDeadline(time.Unix(1, 0))
	}
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

// waitClosed waits for the end of the connection. Bytes before it are discarded.
func (c *conn) waitClosed() error {
	_, err := io.Copy(io.Discard, c)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return broken("the connection is still open after %v", c.p.run.timeout())
	case errors.Is(err, errEndless):
		return err
	}
	return nil
}

// transcript is the beginning of the bytes of one direction.
type transcript struct {
	kept  []byte
	total int
}

func (t *transcript) keep(b []byte) {
	t.total += len(b)
	t.kept = append(t.kept, b[:min(len(b), maxTranscript-len(t.kept))]...)
}

// sendBeside sends while the caller reads: a target may answer before it has read all. The channel
// is closed when it has ended, at the latest after Close.
func (c *conn) sendBeside(b []byte) <-chan struct{} {
	done := make(chan struct{})
	c.p.sent.keep(b)
	go func() {
		defer close(done)
		c.Conn.Write(b)
	}()
	return done
}

// cause is the error of the system, without the addresses of the connection.
func cause(err error) error {
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err
	}
	if call := (*os.SyscallError)(nil); errors.As(err, &call) {
		err = call.Err
	}
	return err
}
