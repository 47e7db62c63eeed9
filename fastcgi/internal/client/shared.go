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

// sharedConn is a connection that several exchanges share. Each has a stream, which is to it what a
// connection of its own would be.
type sharedConn struct {
	mux         *mux
	pool        *pool
	base        *conn // of the pool
	records     *wire.RecordReader
	idleTimeout time.Duration
	readTimeout time.Duration
	maxIdle     int

	behind  atomic.Int32 // streams whose readers are
	writing sync.Mutex   // held for the records of one write

	mu      sync.Mutex
	streams map[uint16]*stream // those that the application has not ended
	live    int                // of them, those that the client has not given up
	lastID  uint16
	used    bool        // a request was answered
	isIdle  bool        // it counts in mux.idle
	idle    *time.Timer // ends it when it has been idle for long enough; nil before it was idle
	ended   error       // why it takes no more requests

	// when read began to wait for the reader of a response; zero while it does not
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

// multiplexes asks the application whether it can multiplex. One that closes the connection or is
// silent cannot.
func (c *sharedConn) multiplexes(ctx context.Context, timeout time.Duration) bool {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	values, err := c.base.values(ctx, c.records, mpxsConns)
	return err == nil && values[mpxsConns] == "1"
}

// open returns a share of the connection, nil if there is no room. force goes over maxStreams. A
// connection that waits for the reader of a response has no room: further requests on it would wait
// too.
func (c *sharedConn) open(force bool) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended != nil || c.behind.Load() > 0 || len(c.streams) >= wire.MaxContent || len(c.streams) >= maxStreams && !force {
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

// nextID returns an id that no open request has. 0 is the connection itself.
func (c *sharedConn) nextID() uint16 {
	for {
		c.lastID++
		if c.lastID != 0 && c.streams[c.lastID] == nil {
			return c.lastID
		}
	}
}

// read hands the records out until the connection ends.
func (c *sharedConn) read() {
	for {
		h, content, err := c.records.Next()
		if err == nil {
			err = c.deliver(h, content)
		}
		if err != nil {
			c.end(err)
			return
		}
	}
}

// deliver gives a record to the request that it is for.
func (c *sharedConn) deliver(h wire.Header, content []byte) error {
	if h.ID == 0 {
		return nil // management records that answer nothing
	}
	s := c.receiver(h, content)
	if s == nil {
		return wire.Errorf("record of type %d of request %d, which is not open", h.Type, h.ID)
	}
	s.deliver(h, content)
	return nil
}

// waitForReader waits until the reader of a response makes room, and reports false if it does not
// within ReadTimeout.
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

// blockedTime is for how long so far the connection has waited for readers of responses.
func (c *sharedConn) blockedTime() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.blockedSince.IsZero() {
		return c.blockedTotal
	}
	return c.blockedTotal + time.Since(c.blockedSince)
}

// receiver returns the stream of a record, nil if there is none, and takes note of END_REQUEST.
func (c *sharedConn) receiver(h wire.Header, content []byte) *stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = true
	s := c.streams[h.ID]
	if s == nil || h.Type != wire.TypeEndRequest {
		return s
	}
	if e, err := wire.ParseEndRequest(content); err == nil && e.ProtocolStatus == wire.CannotMultiplex {
		c.mux.off.Store(true) // whatever it said before
	}
	delete(c.streams, h.ID)
	if !s.abandoned {
		c.retire()
	}
	return s
}

// retire counts one live stream less.
func (c *sharedConn) retire() {
	c.live--
	switch {
	case c.live > 0 || c.ended != nil:
	case len(c.streams) > 0, c.mux.off.Load(): // all that is left was given up, and may never end
		c.shut()
	default:
		c.becomeIdle()
	}
}

func (c *sharedConn) becomeIdle() {
	c.isIdle = true
	if c.mux.idle.Add(1) > int64(c.maxIdle) {
		c.shut()
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
		c.shut()
	}
}

// abandon gives the request of s up, and tells the application if other requests go on. What still
// comes for it is dropped.
func (c *sharedConn) abandon(s *stream, begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.streams[s.id] != s || s.abandoned {
		return
	}
	if !begun {
		delete(c.streams, s.id) // the application does not know of it
	}
	s.abandoned = true
	c.retire()
	if begun && c.live > 0 && c.ended == nil {
		go c.write(wire.AppendRecord(nil, wire.TypeAbortRequest, s.id, nil)) // Close must not wait
	}
}

// write writes whole records. After a failure a part of one may have been sent, so the connection
// ends.
func (c *sharedConn) write(p []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	n, err := c.base.call.Write(p)
	if err != nil {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.shut()
	}
	return n, err
}

// shut closes the connection, which read then finds out, and keeps further requests from it.
func (c *sharedConn) shut() {
	c.ended = cmp.Or(c.ended, net.ErrClosed)
	c.leaveIdle()
	c.base.call.Close()
}

// all returns the streams that the application has not ended.
func (c *sharedConn) all() []*stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.streams))
}

// end ends the connection and all requests on it.
func (c *sharedConn) end(err error) {
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
