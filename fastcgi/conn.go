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
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is one connection of a Server. At any time at most one goroutine reads it, and does what the records say; which one, changes.
// Requests write to it from goroutines of their own, or from the reader's.
type conn struct {
	server *Server
	limits *limits
	lc     *transport.Conn
	nc     net.Conn
	socket *transport.Socket
	ctx    context.Context

	// For the reader alone.
	buf         *inBuffer // nil while nothing of it is in use
	start, end  int       // buf[start:end] came and was not acted on
	scan        scanner
	ready       []*request // to be run; its array is kept, and holds none that was
	spoken      bool       // something has come
	recordSince time.Time  // when the wait for the rest of a record began; zero while there is none

	writer writer

	mu          sync.Mutex
	table       requestTable
	closing     bool      // to be closed when no request is open
	broken      bool      // to be broken then: a response was not whole
	lingering   bool      // our side is closed, or about to be
	lingerSince time.Time // when the wait for the peer to close its own began
	waiting     bool      // the reader waits: its fields are mu's
	deadline    time.Time // the read deadline that is set

	reading bool     // a goroutine reads, or is about to
	inline  *request // runs on the goroutine that read it
	seen    *request // was inline when relief looked last
	watched bool     // by relief
	stalled *request // the reader waits for room in its body
	users   int      // the reading, unless it has ended, and the requests that run
}

// inBuffer takes what arrives of an ordinary request in one call.
type inBuffer [16 << 10]byte

var inBuffers = sync.Pool{New: func() any { return new(inBuffer) }}

// serveConn serves one connection. When it returns, other goroutines may go on with that.
func (s *Server) serveConn(ctx context.Context, lc *transport.Conn, limits *limits) {
	c := &conn{
		server:  s,
		limits:  limits,
		lc:      lc,
		nc:      lc.Net,
		socket:  transport.NewSocket(lc.Net),
		ctx:     ctx,
		reading: true,
		users:   1,
	}
	c.writer = writer{nc: c.nc, socket: c.socket, timeout: limits.writeTimeout, failed: c.lost}
	lc.OnClose(c.writer.abort)
	lc.Detach()
	c.read()
}

// read is the work of the goroutine that reads, until the connection has ended or another goroutine does it.
func (c *conn) read() {
	for {
		err := c.drain()
		switch {
		case err == nil && len(c.ready) > 0:
			if !c.launch() {
				return
			}
			continue
		case err == nil:
			err = c.fill()
		}
		if err != nil {
			c.readEnded(err)
			return
		}
	}
}

// drain acts on what is in the buffer.
func (c *conn) drain() error {
	for c.start < c.end {
		p, n, ok, err := c.scan.next(c.buf[c.start:c.end])
		c.start += n
		if err != nil || !ok {
			return err
		}
		if p.last {
			c.recordSince = time.Time{}
		}
		if err := c.act(p); err != nil {
			return err
		}
	}
	return nil
}

// fill waits for more. While it waits the connection holds no buffer, unless a part of a header is in it.
func (c *conn) fill() error {
	c.ownParams()
	if c.start > 0 {
		c.start, c.end = 0, copy(c.buf[:], c.buf[c.start:c.end])
	}
	c.wait(true)
	n, err := c.socket.ReadLazily(c)
	c.wait(false)
	if n > 0 { // with an error beside it, which will come again
		c.end += n
		c.spoken = true
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// wait says that the reader waits: from then on others may move the deadline, and so look at what is the reader's.
func (c *conn) wait(waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting = waiting
	if waiting {
		c.setReadDeadline()
	}
}

// Acquire implements transport.Buffer.
func (c *conn) Acquire() []byte {
	if c.buf == nil {
		c.buf = inBuffers.Get().(*inBuffer)
	}
	return c.buf[c.end:]
}

// Release implements transport.Buffer. The start of a header that came before stays where it is.
func (c *conn) Release() {
	if c.buf != nil && c.end == 0 {
		inBuffers.Put(c.buf)
		c.buf = nil
	}
}

// launch runs the requests that are ready, and reports whether this goroutine still reads. A request that is alone runs here.
func (c *conn) launch() (reads bool) {
	r := c.ready[0]
	c.mu.Lock()
	alone := len(c.ready) == 1 && len(c.table.open) == 1 && c.table.open[0] == r
	if alone {
		c.users++
		c.inline, c.reading = r, false
		c.ready[0], c.ready = nil, c.ready[:0]
	}
	watch := alone && !c.watched
	c.watched = c.watched || watch
	c.mu.Unlock()
	switch {
	case !alone:
		c.launchAll()
		return true
	case watch:
		c.server.relief.add(c)
	}
	return c.runHere(r)
}

// launchAll runs the requests that are ready, each in a goroutine of its own.
func (c *conn) launchAll() {
	c.mu.Lock()
	c.users += len(c.ready)
	c.mu.Unlock()
	for _, r := range c.ready {
		c.lc.Go(r.run)
	}
	clear(c.ready)
	c.ready = c.ready[:0]
}

// runHere runs r and reports whether this goroutine reads again.
func (c *conn) runHere(r *request) (reads bool) {
	returned := false
	defer func() {
		if !returned && c.resume() { // runtime.Goexit ends the goroutine, not the connection
			c.lc.Go(c.read)
		}
	}()
	r.run()
	returned = true
	return c.resume()
}

// resume takes the reading back, unless another goroutine has it.
func (c *conn) resume() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inline, c.seen = nil, nil
	if c.reading {
		return false
	}
	c.reading = true
	return true
}

// relieve has another goroutine read, where r keeps the one that read it.
func (c *conn) relieve(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inline == r && !c.reading {
		c.reading = true
		c.lc.Go(c.read)
	}
}

// relieveIfSeen is what relief does at each look. It reports whether to look again.
func (c *conn) relieveIfSeen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inline == nil || c.reading {
		c.watched, c.seen = false, nil
		return false
	}
	if c.inline == c.seen {
		c.reading = true
		c.lc.Go(c.read)
	}
	c.seen = c.inline
	return true
}

// leave is called by the reader when it has ended and by each request when it has. The last one out closes.
func (c *conn) leave() {
	c.mu.Lock()
	c.users--
	last := c.users == 0
	c.mu.Unlock()
	if last {
		c.lc.End()
	}
}

// readEnded ends what can no longer be completed. A web server that closed its side only may still want its responses.
func (c *conn) readEnded(err error) {
	c.logReadError(err)
	c.dropReady()
	c.start, c.end = 0, 0
	c.Release()
	c.mu.Lock()
	open, pending := slices.Clone(c.table.open), slices.Collect(c.table.pendingParams())
	c.mu.Unlock()
	for _, r := range open {
		r.cut()
	}
	for _, r := range pending {
		c.drop(r)
	}
	if err != io.EOF {
		c.nc.Close()
	}
	c.leave()
}

// dropReady takes away what came whole, but together with an error behind it, which nobody would get an answer to.
func (c *conn) dropReady() {
	for _, r := range c.ready {
		c.drop(r)
	}
	c.ready = nil
}

// logReadError logs why a connection ended before its time, unless that is only a web server that went away, as they do with their
// clients.
func (c *conn) logReadError(err error) {
	c.mu.Lock()
	quiet := c.lingering
	unfinished := c.table.oldestPending() != nil || len(c.table.open) == 0 && c.withinRecord()
	idle := !unfinished && len(c.table.open) == 0
	c.mu.Unlock()
	switch gone := errors.Is(err, io.EOF); {
	case quiet || errors.Is(err, net.ErrClosed) || errors.Is(err, gateway.ErrServerClosed):
		return
	case gone && !unfinished || gateway.PeerGone(err):
		return
	case gone:
		err = errors.New("fastcgi: the peer went away within a request's variables or a record")
	case errors.Is(err, os.ErrDeadlineExceeded) && idle:
		return
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("fastcgi: the peer sent less than a whole request within ReadTimeout: %w", err)
	}
	c.limits.log.Warn("closing a connection", "reason", err, "peer", c.peer())
}

func (c *conn) withinRecord() bool { return c.scan.within() || c.start < c.end }

func (c *conn) peer() string { return c.nc.RemoteAddr().String() }
