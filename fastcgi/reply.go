package fastcgi

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// outcome is how a request leaves its connection.
type outcome int

const (
	completed     outcome = iota // its response is whole
	brokenOff                    // it is not: neither the end of STDOUT nor END_REQUEST is sent
	abortedByPeer                // the web server does not want it
)

// write sends records of an open request.
func (c *conn) write(o *output, records []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := o.failure(); err != nil {
		return err
	}
	return c.send(records)
}

// writeAll sends several slices in one call, and empties v.
func (c *conn) writeAll(o *output, v *net.Buffers) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := o.failure(); err != nil {
		return err
	}
	return c.sendAll(v)
}

// check returns why nothing could be sent.
func (c *conn) check(o *output) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if err := o.failure(); err != nil || !c.finished {
		return err
	}
	return io.ErrClosedPipe
}

// reply sends management records. That they cannot be sent is nothing for the reader to act on: it lingers where our side is closed,
// and finds out for itself that the connection is lost.
func (c *conn) reply(records []byte) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.send(records)
}

// finish ends a request, once: the second caller finds that done. A whole response is sent to its end in one write, as nginx keeps a
// connection only if END_REQUEST comes together with the end of the body.
func (c *conn) finish(r *request, how outcome) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if r.out.ended {
		return
	}
	r.out.ended, r.out.aborted = true, how == abortedByPeer
	c.mu.Lock()
	c.table.forget(r) // before the web server hears of it, as it may use the id again at once
	c.broken = c.broken || how == brokenOff
	c.closing = c.closing || !r.keepConn
	c.mu.Unlock()
	switch how {
	case completed:
		c.send(r.out.takeEnd())
	case abortedByPeer: // whose App has what waits
		c.send(r.out.appendEnd(nil))
	case brokenOff:
		c.send(r.out.takeRest())
	}
	c.settle()
}

// refuse ends a request that never was open.
func (c *conn) refuse(id uint16, keepConn bool, status wire.ProtocolStatus) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	c.closing = c.closing || !keepConn
	c.mu.Unlock()
	c.send(wire.AppendEndRequest(nil, id, wire.EndRequest{ProtocolStatus: status}))
	c.settle()
}

// settle decides what becomes of the connection after a request has ended. The caller holds wmu.
func (c *conn) settle() {
	c.mu.Lock()
	last := len(c.table.open) == 0 && !c.lingering && (c.broken || c.closing || !c.lc.Idle())
	broken := c.broken
	c.lingering = c.lingering || last
	c.setReadDeadline()
	c.mu.Unlock()
	if !last {
		return
	}
	if broken {
		c.send([]byte(breakMark))
	}
	c.closeSide()
}

// closeSide closes our side of the connection. The reader goes on until the peer has closed its own: to close with input unread would
// reset the connection, and destroy what the peer has not read yet. The caller holds wmu.
func (c *conn) closeSide() {
	c.finished = true
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		c.nc.Close()
	}
}

// cut ends the connection while requests are open on it, for Server.Close. Who writes meanwhile has cutTime to end his record, as the
// mark must not be within one.
func (c *conn) cut() {
	c.mu.Lock()
	c.cutting = true
	c.nc.SetWriteDeadline(time.Now().Add(cutTime))
	c.mu.Unlock()
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if !c.finished {
		c.finished = true
		sever(c.nc, nil)
	}
	c.nc.Close()
}

// send writes records as long as the peer takes something within each WriteTimeout. When it does not, nobody can be answered any
// more. What the peer takes at once needs no deadline. The caller holds wmu.
func (c *conn) send(records []byte) error {
	if c.finished {
		return io.ErrClosedPipe
	}
	n := c.socket.WriteNow(records)
	if n == len(records) {
		return nil
	}
	return c.sendAll(&net.Buffers{records[n:]})
}

// sendAll is send for several slices.
func (c *conn) sendAll(v *net.Buffers) error {
	if c.finished {
		return io.ErrClosedPipe
	}
	if _, err := c.socket.WriteAll(v, c.setWriteDeadline); err != nil {
		return c.lost(err, unfinished(*v))
	}
	return nil
}

// unfinished returns what is left of the record that was being sent. v ends with pairs of a header and a content, if it is several
// slices.
func unfinished(v net.Buffers) net.Buffers {
	if len(v) == 0 || len(v)%2 == 0 && len(v[0]) == wire.HeaderSize { // between two
		return nil
	}
	return v[:2-len(v)%2]
}

// setWriteDeadline bounds a wait for the peer. Once the server is being closed, the deadline is cut's.
func (c *conn) setWriteDeadline() error {
	bound := c.limits.writeTimeout
	if bound == 0 {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cutting {
		return nil
	}
	return c.nc.SetWriteDeadline(time.Now().Add(bound))
}

// wideBuffer is what a unix socket is asked to take without its reader, in bytes; Linux gives 416 KiB by default. It calls such a
// socket writable only when three quarters of that are free, so that with the usual 208 KiB reader and writer take turns: files go
// two to three times as fast with more.
const wideBuffer = 1 << 20

// widen makes a unix socket take more at once, for a connection that has something large to send.
func (c *conn) widen() {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if u, ok := c.nc.(*net.UnixConn); ok && !c.wide {
		c.wide = true
		u.SetWriteBuffer(wideBuffer)
	}
}

// lost gives the connection up, because of an error of writing: nobody can be answered any more. rest is what was not sent of a record.
// The caller holds wmu.
func (c *conn) lost(err error, rest net.Buffers) error {
	c.finished = true
	c.mu.Lock()
	open, cutting := slices.Clone(c.table.open), c.cutting
	c.mu.Unlock()
	late, cause := errors.Is(err, os.ErrDeadlineExceeded), gateway.ErrClientGone
	if late || cutting {
		cause = err
	}
	if late && !cutting {
		c.limits.log.Warn("closing a connection", "reason", "the peer took nothing of a response within WriteTimeout", "peer", c.peer())
	}
	for _, r := range open {
		r.ctx.End(cause)
	}
	if late {
		sever(c.nc, rest)
	}
	c.nc.Close()
	if cutting {
		return io.ErrClosedPipe
	}
	return lostError(err)
}
