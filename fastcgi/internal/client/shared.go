package client

import (
	"bufio"
	"cmp"
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// sharedConn is a connection that several exchanges share. Each exchange has a stream, which it
// uses like a connection of its own.
type sharedConn struct {
	mux         *mux
	pool        *pool
	base        *conn // from the pool
	records     *wire.RecordReader
	idleTimeout time.Duration
	readTimeout time.Duration
	maxIdle     int

	slow    atomic.Int32 // number of slow streams, see stream.setSlow
	writing sync.Mutex   // held for the records of one write

	mu      sync.Mutex
	streams map[uint16]*stream // those that the application has not ended
	live    int                // number of streams that the client has not abandoned
	lastID  uint16
	used    bool        // a request was answered
	isIdle  bool        // it counts in mux.idle
	idle    *time.Timer // closes an idle connection after IdleTimeout; nil before it was idle
	ended   error       // why it accepts no more requests; nil while it does

	// when read began to wait for the reader of a response; zero while it does not wait
	blockedSince time.Time
	blockedTotal time.Duration // of the earlier waits
}

func newSharedConn(m *mux, p *pool, base *conn, s *Settings) *sharedConn {
	return &sharedConn{
		mux:         m,
		pool:        p,
		base:        base,
		records:     wire.NewRecordReader(bufio.NewReader(base.call.Conn)),
		idleTimeout: s.IdleTimeout,
		readTimeout: s.Dialer.ReadTimeout,
		maxIdle:     s.MaxIdleConns,
		streams:     make(map[uint16]*stream),
	}
}

// multiplexes asks the application whether it can multiplex. If the application closes the
// connection or does not answer, it cannot.
func (c *sharedConn) multiplexes(ctx context.Context, timeout time.Duration) bool {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	values, err := c.base.values(ctx, c.records, mpxsConns)
	return err == nil && values[mpxsConns] == "1"
}

// reserve returns a new stream of the connection as a conn, or nil if the connection has no room.
// force ignores maxStreams. A connection with a slow stream has no room, because a new request on
// it would wait too.
func (c *sharedConn) reserve(force bool) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || c.slow.Load() > 0 || len(c.streams) >= wire.MaxContent || len(c.streams) >= maxStreams && !force {
		return nil
	}
	c.leaveIdle()
	s := newStream(c, c.nextID())
	c.streams[s.id] = s
	c.live++
	share := newConn(c.base.call.On(s), s)
	share.id, share.keep, share.used = s.id, true, c.used
	return share
}

// nextID returns an id that no open request has. Id 0 means the connection itself.
func (c *sharedConn) nextID() uint16 {
	for {
		c.lastID++
		if c.lastID != 0 && c.streams[c.lastID] == nil {
			return c.lastID
		}
	}
}

// read delivers the records to the streams until the connection ends.
func (c *sharedConn) read() {
	for {
		h, content, err := c.records.Next()
		if err == nil {
			err = c.deliver(h, content)
		}
		if err != nil {
			c.fail(err)
			return
		}
	}
}

// deliver passes a record to the stream of its request.
func (c *sharedConn) deliver(h wire.Header, content []byte) error {
	if h.ID == 0 {
		return nil // a management record that answers no query
	}
	s := c.receiver(h, content)
	if s == nil {
		return wire.Errorf("record of type %d of request %d, which is not open", h.Type, h.ID)
	}
	s.deliver(h, content)
	return nil
}

// waitForReader waits until the reader of a response makes room, and reports whether it did within
// ReadTimeout.
func (c *sharedConn) waitForReader(room <-chan struct{}) bool {
	c.block()
	defer c.unblock()
	var late <-chan time.Time
	if c.readTimeout > 0 {
		timer := time.NewTimer(c.readTimeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case <-room:
		return true
	case <-late:
		return false
	}
}

func (c *sharedConn) block() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blockedSince = time.Now()
}

func (c *sharedConn) unblock() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.blockedTotal += time.Since(c.blockedSince)
	c.blockedSince = time.Time{}
}

// blockedTime returns how long in total the connection has waited for readers of responses.
func (c *sharedConn) blockedTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blockedSince.IsZero() {
		return c.blockedTotal
	}
	return c.blockedTotal + time.Since(c.blockedSince)
}

// receiver returns the stream of a record, or nil if its request is not open. At END_REQUEST it
// removes the stream.
func (c *sharedConn) receiver(h wire.Header, content []byte) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = true
	s := c.streams[h.ID]
	if s == nil || h.Type != wire.TypeEndRequest {
		return s
	}
	if e, err := wire.ParseEndRequest(content); err == nil && e.ProtocolStatus == wire.CannotMultiplex {
		c.mux.off.Store(true) // although it has promised FCGI_MPXS_CONNS
	}
	delete(c.streams, h.ID)
	if !s.abandoned {
		c.releaseStream()
	}
	return s
}

// releaseStream counts one live stream less. Without a live stream the connection becomes idle, or
// is closed. The caller holds mu.
func (c *sharedConn) releaseStream() {
	c.live--
	switch {
	case c.live > 0 || c.ended != nil:
	case len(c.streams) > 0, c.mux.off.Load(): // the application may never end abandoned requests
		c.close()
	default:
		c.becomeIdle()
	}
}

func (c *sharedConn) becomeIdle() {
	c.isIdle = true
	if c.mux.idle.Add(1) > int64(c.maxIdle) {
		c.close()
		return
	}
	if c.idleTimeout > 0 {
		c.idle = time.AfterFunc(c.idleTimeout, c.closeIdle)
	}
}

func (c *sharedConn) leaveIdle() {
	if !c.isIdle {
		return
	}
	c.isIdle = false
	c.mux.idle.Add(-1)
	if c.idle != nil {
		c.idle.Stop()
	}
}

// closeIdle closes the connection if it has no request.
func (c *sharedConn) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.live == 0 {
		c.close()
	}
}

// abandon aborts the request of s. If other requests go on, it sends ABORT_REQUEST to the
// application; later records of the request are dropped.
func (c *sharedConn) abandon(s *stream, begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.id] != s || s.abandoned {
		return
	}
	if !begun {
		delete(c.streams, s.id) // the application has seen nothing of it
	}
	s.abandoned = true
	c.releaseStream()
	if begun && c.live > 0 && c.ended == nil {
		go c.write(wire.AppendRecord(nil, wire.TypeAbortRequest, s.id, nil)) // Close must not wait
	}
}

// write writes complete records. A failed write may have sent a part of a record, so the connection
// is then closed.
func (c *sharedConn) write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	n, err := c.base.call.Write(p)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.close()
	}
	return n, err
}

// close closes the connection and refuses further requests on it. read then fails. The caller holds
// mu.
func (c *sharedConn) close() {
	c.ended = cmp.Or(c.ended, net.ErrClosed)
	c.leaveIdle()
	c.base.call.Close()
}

// listStreams returns the streams that the application has not ended.
func (c *sharedConn) listStreams() []*stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.streams))
}

// fail discards the connection and fails all requests on it.
func (c *sharedConn) fail(err error) {
	c.mux.remove(c)
	c.mu.Lock()
	c.ended = cmp.Or(c.ended, err)
	c.leaveIdle()
	streams := c.streams
	c.streams = nil
	c.mu.Unlock()
	for _, s := range streams {
		s.fail(err)
	}
	c.pool.discard(c.base)
}
