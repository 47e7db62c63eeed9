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

// conn is one connection of a Server. At any time at most one goroutine reads it and handles what
// comes; the hand-off decides which one. A request runs on that goroutine or on one of its own, and
// writes from there.
type conn struct {
	server *Server
	limits *limits
	lc     *transport.Conn
	ctx    context.Context

	reader  reader
	ready   []*request // to be run, in the order of their PARAMS; for the goroutine that reads
	handoff handoff
	writer  writer

	mu    sync.Mutex // taken after writer.mu
	table requestTable
	state connState
	wait  readWait

	refs atomic.Int32 // one for the reading, until it has ended, and one for each request that runs
}

// serveConn serves one connection. When it returns, other goroutines may still serve it.
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
	c.reader.socket = socket
	c.wait.nc = lc.Net
	c.handoff.read, c.handoff.reading = func() { lc.Go(c.read) }, true
	c.writer = writer{nc: lc.Net, socket: socket, timeout: limits.writeTimeout, failed: c.lost}
	return c
}

// read reads and handles records, until the connection has ended or another goroutine does so.
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
			c.readEnded(err)
			return
		}
	}
}

// handleBuffered handles all that has come.
func (c *conn) handleBuffered() error {
	for {
		p, ok, err := c.reader.next()
		if err != nil || !ok {
			return err
		}
		if err := c.handleRecord(p); err != nil {
			return err
		}
	}
}

// waitForMore waits until something has come. Variables that are not complete must not stay in the
// reader's buffer.
func (c *conn) waitForMore() error {
	c.mu.Lock()
	if pending := c.table.pendingList(); len(pending) > 0 {
		c.mu.Unlock()
		for _, r := range pending {
			if !r.ownParams() {
				r.refuse(wire.Overloaded)
			}
		}
		c.mu.Lock()
	}
	c.wait.begin(c.reader.position())
	c.moveReadDeadline()
	c.mu.Unlock()
	err := c.reader.fill()
	c.mu.Lock()
	c.wait.waiting = false
	c.mu.Unlock()
	return err
}

// runReady runs the requests that are ready, and reports whether this goroutine goes on reading. A
// request that is alone on its connection runs here, any other in a goroutine of its own.
func (c *conn) runReady() (reads bool) {
	first := c.ready[0]
	c.mu.Lock()
	alone := len(c.ready) == 1 && len(c.table.open) == 1 && c.table.open[0] == first
	c.mu.Unlock()
	c.refs.Add(int32(len(c.ready)))
	if !alone {
		for _, r := range c.ready {
			c.lc.Go(r.run)
		}
	}
	clear(c.ready) // the array is kept, the requests are not
	c.ready = c.ready[:0]
	return !alone || c.runInline(first)
}

// runInline runs r on this goroutine, and reports whether that goes on reading.
func (c *conn) runInline(r *request) (reads bool) {
	if c.handoff.begin(r) {
		c.server.handoffs.add(&c.handoff)
	}
	returned := false
	defer func() {
		if !returned && c.handoff.finish() { // runtime.Goexit must not end the connection
			c.lc.Go(c.read)
		}
	}()
	r.run()
	returned = true
	return c.handoff.finish()
}

// unref is called when the reading has ended, and when a request has. The last call closes the
// connection.
func (c *conn) unref() {
	if c.refs.Add(-1) == 0 {
		c.lc.End()
	}
}

// readEnded ends the requests that can no longer be completed. A web server that has closed only
// its own side may still read its responses.
func (c *conn) readEnded(err error) {
	c.logReadError(err)
	if err != io.EOF { // first, so that no App answers what an error of the protocol cut off
		c.lc.Net.Close()
	}
	c.mu.Lock()
	open := slices.Clone(c.table.open)
	c.mu.Unlock()
	for _, r := range open {
		r.cancel(c.goneCause())
		if !r.called() { // complete or not: it could not be answered
			r.drop()
		}
	}
	c.ready = nil
	c.reader.discard()
	c.unref()
}

// logReadError logs why a connection ended early, unless the web server only went away, as it does
// when its client does.
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

// errEndedEarly is logged for a connection that the web server closed within a record or a
// request's variables.
var errEndedEarly = errors.New("fastcgi: the peer went away within a request's variables or a record")

// warn logs trouble with this peer, once a minute for each msg, so that many bad connections do not
// fill the log.
func (c *conn) warn(msg string, args ...any) {
	c.server.conns.Warn(msg, append(args, "peer", c.lc.Net.RemoteAddr().String())...)
}

// closeIfDone closes our side of the connection after the last request that it was to have. The
// caller holds writer.mu.
func (c *conn) closeIfDone() {
	c.mu.Lock()
	before := c.state
	if len(c.table.open) == 0 {
		if c.state.admits() && !c.lc.Idle() { // the server is being shut down
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
	c.writer.closeSide()
}

// lost ends the contexts of all requests, since nothing can be written any more. The caller holds
// writer.mu.
func (c *conn) lost(err error, late bool) {
	cause := c.goneCause()
	if late {
		cause = err
		c.warn("closing a connection that takes nothing", "reason", "the peer took nothing of a response within WriteTimeout")
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

// goneCause is the cause of the contexts of requests whose connection has ended.
func (c *conn) goneCause() error {
	if c.writer.aborting.Load() != nil {
		return gateway.ErrServerClosed
	}
	return gateway.ErrClientGone
}
