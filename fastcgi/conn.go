package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is one connection of a Server. At most one goroutine at a time reads it and handles its
// records; handoff decides which one. A request runs on that goroutine or on one of its own, and
// writes from there.
type conn struct {
	server *Server
	limits *limits
	lc     *transport.Conn
	ctx    context.Context

	reader  reader
	ready   []*request // to be run, in the order of their PARAMS; used by the reading goroutine only
	inBody  *body      // whose App reads the connection; nil for none; used by the reading goroutine only
	handoff handoff
	writer  writer

	mu    sync.Mutex // locked after writer.mu if both are
	table requestTable
	state connState
	wait  readWait

	refs atomic.Int32 // one for the reader until reading ends, and one for each running request
}

// serveConn serves one connection. It may return while other goroutines still serve it.
func (s *Server) serveConn(ctx context.Context, lc *transport.Conn, limits *limits) {
	c := newConn(ctx, s, lc, limits)
	c.refs.Store(1)
	lc.OnClose(c.abort)
	lc.Detach()
	c.read()
}

func newConn(ctx context.Context, s *Server, lc *transport.Conn, limits *limits) *conn {
	c := &conn{server: s, limits: limits, lc: lc, ctx: ctx}
	socket := transport.NewSocket(lc.Net)
	c.reader.socket, c.reader.waits = socket, c.boundBodyWait
	c.wait.nc = lc.Net
	c.handoff.read, c.handoff.reading = func() { lc.Go(c.read) }, true
	c.writer = writer{nc: lc.Net, socket: socket, timeout: limits.writeTimeout, failed: c.writeFailed}
	return c
}

// read reads and handles records until the connection has ended or another goroutine reads it.
func (c *conn) read() {
	for {
		err := c.handleBuffered()
		switch {
		case err == nil && len(c.ready) > 0:
			if !c.runReady() {
				return
			}
			continue
		case err == nil:
			err = c.waitForMore()
		}
		if err != nil {
			c.stopReading(err)
			return
		}
	}
}

// handleBuffered handles all records that have arrived.
func (c *conn) handleBuffered() error {
	for {
		p, ok, err := c.reader.nextPiece()
		if err != nil || !ok {
			return err
		}
		if err := c.handleRecord(p); err != nil {
			return err
		}
	}
}

// waitForMore waits until more arrives. First it copies incomplete variables out of the reader's
// buffer, which is released meanwhile.
func (c *conn) waitForMore() error {
	c.mu.Lock()
	if pending := c.table.pendingList(); len(pending) > 0 {
		c.mu.Unlock()
		for _, r := range pending {
			if !r.copyParams() {
				r.refuse(wire.Overloaded)
			}
		}
		c.mu.Lock()
	}
	c.wait.begin(c.reader.position(), c.inBody)
	c.moveReadDeadline()
	c.mu.Unlock()
	err := error(nil)
	if c.inBody == nil || c.inBody.isEmpty() { // its App may have returned before begin
		err = c.reader.fill()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wait.finish(err)
}

// runReady runs the requests that are ready, and reports whether this goroutine continues to read.
// The only request of a connection runs here, any other in a goroutine of its own.
func (c *conn) runReady() (reads bool) {
	first := c.ready[0]
	c.mu.Lock()
	alone := len(c.ready) == 1 && len(c.table.open) == 1 && c.table.open[0] == first
	c.mu.Unlock()
	if !alone {
		c.startReady()
		return true
	}
	c.refs.Add(1)
	c.forgetReady()
	return c.runInline(first)
}

// startReady runs the requests that are ready, each in a goroutine of its own.
func (c *conn) startReady() {
	c.refs.Add(int32(len(c.ready)))
	for _, r := range c.ready {
		c.lc.Go(r.run)
	}
	c.forgetReady()
}

// forgetReady empties ready. The array is kept, the requests are not.
func (c *conn) forgetReady() {
	clear(c.ready)
	c.ready = c.ready[:0]
}

// runInline runs r on this goroutine, and reports whether this goroutine continues to read.
func (c *conn) runInline(r *request) (reads bool) {
	if c.handoff.begin(r) {
		c.server.handoffs.add(&c.handoff)
	}
	returned := false
	defer func() {
		if !returned && c.handoff.finish() { // the App called runtime.Goexit: keep the connection
			c.lc.Go(c.read)
		}
	}()
	r.run()
	returned = true
	return c.handoff.finish()
}

// unref is called when reading ends, and when a request ends. The last call closes the connection.
func (c *conn) unref() {
	if c.refs.Add(-1) == 0 {
		c.lc.End()
	}
}

// stopReading is called when reading has ended with err. It ends the requests that can no longer be
// completed. A web server that has closed only its sending side may still read its responses.
func (c *conn) stopReading(err error) {
	c.logReadError(err)
	if err != io.EOF { // close first, so that no App answers a request that a protocol error has cut
		c.lc.Net.Close()
	}
	c.mu.Lock()
	open := slices.Clone(c.table.open)
	c.mu.Unlock()
	for _, r := range open {
		r.cancel(c.goneCause())
		if !r.called() { // its response could not be sent
			r.drop()
		}
	}
	c.ready = nil
	c.reader.discard()
	c.unref()
}

// logReadError logs why a connection ended early. It does not log a mere disconnect, which happens
// when the client of the web server disconnects.
func (c *conn) logReadError(err error) {
	c.mu.Lock()
	over := c.state == stateLingering || c.state == stateLost
	unfinished := c.table.oldestPending() != nil || len(c.table.open) == 0 && c.reader.position().within
	idle := !unfinished && len(c.table.open) == 0
	c.mu.Unlock()
	late := errors.Is(err, os.ErrDeadlineExceeded)
	switch gone := errors.Is(err, io.EOF); {
	case over || errors.Is(err, net.ErrClosed) || errors.Is(err, gateway.ErrServerClosed) || gateway.PeerGone(err):
	case gone && !unfinished || late && idle:
	case gone:
		c.warn("closing a connection that ended early", "reason", errEndedEarly)
	case late:
		c.warn("closing a connection that was silent", "reason", fmt.Errorf("fastcgi: the peer sent less than a whole request within ReadTimeout: %w", err))
	default:
		c.warn("closing a connection that broke the protocol", "reason", err)
	}
}

// errEndedEarly is logged for a connection that the web server closed within a record or within a
// request's variables.
var errEndedEarly = errors.New("fastcgi: the peer went away within a request's variables or a record")

// warn logs a fault of this peer. Each msg is logged once a minute, so that many faulty connections
// do not fill the log.
func (c *conn) warn(msg string, args ...any) {
	c.server.conns.Warn(msg, append(args, "peer", c.lc.RemoteAddr().String())...)
}

// closeIfDone closes our side of the connection if no request is open and the connection is not to
// be kept. The caller holds writer.mu.
func (c *conn) closeIfDone() {
	c.mu.Lock()
	before := c.state
	if len(c.table.open) == 0 {
		if c.state.allowsRequests() && !c.lc.Idle() { // the server is being shut down
			before = c.state.after(eventLastEnd)
		}
		c.state = before.after(eventEmpty)
	}
	lingers := before != c.state && c.state == stateLingering
	c.moveReadDeadline()
	c.mu.Unlock()
	if !lingers {
		return
	}
	if before == stateBreaking {
		c.writer.send([]byte(breakMark))
	}
	c.writer.closeSending()
}

// writeFailed is called when a write has failed. It ends the contexts of all requests, because
// nothing more can be written. The caller holds writer.mu.
func (c *conn) writeFailed(err error, late bool) {
	cause := c.goneCause()
	if late {
		cause = err
		c.warn("closing a connection whose peer does not read", "reason", "the peer read nothing of a response within WriteTimeout")
	}
	c.mu.Lock()
	c.state = c.state.after(eventLost)
	open := slices.Clone(c.table.open)
	c.mu.Unlock()
	for _, r := range open {
		r.ctx.End(cause)
	}
}

// abort ends the connection for Server.Close.
func (c *conn) abort() {
	c.mu.Lock()
	c.state = c.state.after(eventLost)
	c.mu.Unlock()
	c.writer.abort()
}

// goneCause returns the cause with which the contexts of open requests end after a disconnect.
func (c *conn) goneCause() error {
	if c.writer.aborting.Load() != nil {
		return gateway.ErrServerClosed
	}
	return gateway.ErrClientGone
}
