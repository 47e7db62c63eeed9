package fastcgi

import (
	"slices"

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

// reply sends management records. That they cannot be sent is nothing for the reader to act on: it lingers where our side is closed,
// and finds out for itself that the connection is lost.
func (c *conn) reply(records []byte) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	c.writer.send(records)
}

// finish ends a request, once: the second caller finds that done. A whole response is sent to its end in one write, as nginx keeps a
// connection only if END_REQUEST comes together with the end of the body.
func (c *conn) finish(r *request, how outcome) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
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
		c.writer.send(r.out.takeEnd())
	case abortedByPeer: // whose App has what waits
		c.writer.send(r.out.appendEnd(nil))
	case brokenOff:
		c.writer.send(r.out.takeRest())
	}
	c.settle()
}

// refuse ends a request that never was open.
func (c *conn) refuse(id uint16, keepConn bool, status wire.ProtocolStatus) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	c.mu.Lock()
	c.closing = c.closing || !keepConn
	c.mu.Unlock()
	c.writer.send(wire.AppendEndRequest(nil, id, wire.EndRequest{ProtocolStatus: status}))
	c.settle()
}

// settle decides what becomes of the connection after a request has ended. The caller holds writer.mu.
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
		c.writer.send([]byte(breakMark))
	}
	c.writer.closeSide()
}

// lost ends what cannot be answered any more, as a write has failed. The caller holds writer.mu.
func (c *conn) lost(err error, late bool) {
	cause := gateway.ErrClientGone
	switch {
	case late:
		cause = err
		c.limits.log.Warn("closing a connection", "reason", "the peer took nothing of a response within WriteTimeout", "peer", c.peer())
	case c.writer.aborting.Load():
		cause = gateway.ErrServerClosed
	}
	c.mu.Lock()
	open := slices.Clone(c.table.open)
	c.mu.Unlock()
	for _, r := range open {
		r.ctx.End(cause)
	}
}
