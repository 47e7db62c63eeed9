package fastcgi

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// clientPool holds a Client's connections. The zero value is ready.
type clientPool struct {
	requests, dialed, retried atomic.Uint64

	mu      sync.Mutex
	conns   map[*clientConn]bool // all that are open
	places  int                  // the open ones, and those being dialed
	kept    int                  // the open ones that may be used again
	idle    []*clientConn        // the one used last at the end: the others may end
	waiting []chan poolGrant     // each of capacity 1, the first come at the front; none while there are idle connections
	fresh   []*clientConn        // without an answer yet, the oldest at the front
	sweeper *time.Timer
	sweepAt time.Time // when it will run; zero: not at all
	closed  bool
}

// poolGrant is a kept connection, or a place for a new one, or the end of the Client.
type poolGrant struct {
	conn *clientConn
	err  error
}

// get returns a connection for one exchange: a kept one, unless a new one is asked for.
func (p *clientPool) get(ctx context.Context, c *Client, dial bool) (*clientConn, error) {
	for {
		conn, err := p.place(ctx, c, dial)
		switch {
		case err != nil:
			return nil, err
		case conn == nil:
			return p.dial(ctx, c)
		case conn.fresh(idleTimeout(c)):
			conn.call.Begin()
			return conn, nil
		}
		p.drop(conn)
	}
}

// place returns a kept connection or, with nil, the right to make one.
func (p *clientPool) place(ctx context.Context, c *Client, dial bool) (*clientConn, error) {
	p.mu.Lock()
	last := len(p.idle) - 1
	full := c.MaxConns > 0 && p.places >= c.MaxConns
	switch {
	case p.closed:
		p.mu.Unlock()
		return nil, closedError()
	case last >= 0 && (!dial || full):
		conn := p.idle[last]
		p.idle = p.idle[:last]
		if dial {
			p.forget(conn)
			p.places++
			conn = nil
		}
		p.mu.Unlock()
		return conn, nil
	case !full:
		p.places++
		p.mu.Unlock()
		return nil, nil
	}
	w := make(chan poolGrant, 1)
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	return p.await(ctx, c, w)
}

func closedError() error {
	return &gateway.BackendError{Status: 503, Reason: "the server is shutting down", Err: ErrClientClosed}
}

// errNoConn is the detail of a wait that was too long.
var errNoConn = errors.New("fastcgi: all of MaxConns connections were busy for WaitTimeout")

// await waits for what another exchange gives back.
func (p *clientPool) await(ctx context.Context, c *Client, w chan poolGrant) (*clientConn, error) {
	var late <-chan time.Time
	if timeout := cmp.Or(c.WaitTimeout, defaultWaitTimeout); timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case grant := <-w:
		return grant.conn, grant.err
	case <-ctx.Done():
		p.leave(c, w)
		return nil, transport.Failure(ctx, ctx.Err())
	case <-late:
		p.leave(c, w)
		return nil, &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: errNoConn}
	}
}

// leave ends a wait in vain. What w was given in the same moment goes to the next one.
func (p *clientPool) leave(c *Client, w chan poolGrant) {
	p.mu.Lock()
	if i := slices.Index(p.waiting, w); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.mu.Unlock()
		return
	}
	p.mu.Unlock()
	switch grant := <-w; {
	case grant.conn != nil:
		p.put(c, grant.conn)
	case grant.err == nil:
		p.mu.Lock()
		p.freePlace()
		p.mu.Unlock()
	}
}

// dial makes a connection on a place that the caller has.
func (p *clientPool) dial(ctx context.Context, c *Client) (*clientConn, error) {
	conn, err := c.dial(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err == nil && p.closed:
		conn.call.Close()
		p.places--
		return nil, closedError()
	case err != nil:
		p.freePlace()
		return nil, err
	}
	p.dialed.Add(1)
	if p.conns == nil {
		p.conns = make(map[*clientConn]bool)
	}
	p.conns[conn] = true
	p.fresh = append(p.fresh, conn)
	if len(p.idle) > 0 {
		p.sweepLater(c)
	}
	return conn, nil
}

// reserve takes a place for conn among those that are kept, if it has none and one is free.
func (p *clientPool) reserve(conn *clientConn, most int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !conn.keep && p.kept < most {
		conn.keep = true
		p.kept++
	}
}

// answered notes that conn, a new one, has the beginning of an answer: it does not wait for a process of the application.
func (p *clientPool) answered(conn *clientConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(conn)
}

func (p *clientPool) settle(conn *clientConn) {
	if i := slices.Index(p.fresh, conn); i >= 0 {
		p.fresh = slices.Delete(p.fresh, i, i+1)
	}
}

// put takes back a connection that may be used again.
func (p *clientPool) put(c *Client, conn *clientConn) {
	if conn.shared {
		conn.call.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	conn.kept, conn.idle = true, time.Now()
	switch {
	case len(p.waiting) > 0:
		p.give(poolGrant{conn: conn})
	case p.closed || p.starving(conn.idle):
		p.forget(conn)
	default:
		p.idle = append(p.idle, conn)
		p.sweepLater(c)
	}
}

// give hands a grant to the one who has waited longest.
func (p *clientPool) give(g poolGrant) {
	p.waiting[0] <- g
	p.waiting = slices.Delete(p.waiting, 0, 1)
}

// drop closes a connection that was handed out.
func (p *clientPool) drop(conn *clientConn) {
	if conn.shared {
		conn.call.Close()
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.settle(conn)
	p.forget(conn)
}

// forget closes a connection and frees its place.
func (p *clientPool) forget(conn *clientConn) {
	conn.call.Close()
	delete(p.conns, conn)
	if conn.keep {
		p.kept--
	}
	p.freePlace()
}

func (p *clientPool) freePlace() {
	if len(p.waiting) > 0 {
		p.give(poolGrant{}) // the place goes on to the one who waits
		return
	}
	p.places--
}

func (p *clientPool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeWhere(func(*clientConn) bool { return true })
}

// closeWhere closes the idle connections of which f is true.
func (p *clientPool) closeWhere(f func(*clientConn) bool) {
	p.idle = slices.DeleteFunc(p.idle, func(conn *clientConn) bool {
		gone := f(conn)
		if gone {
			p.forget(conn)
		}
		return gone
	})
}

func (p *clientPool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.closeWhere(func(*clientConn) bool { return true })
	for conn := range p.conns {
		conn.call.Close() // its exchange fails, and drops it
	}
	for len(p.waiting) > 0 {
		p.give(poolGrant{err: closedError()})
	}
	if p.sweeper != nil {
		p.sweeper.Stop()
	}
}

func (p *clientPool) stats() ClientStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ClientStats{
		Requests: p.requests.Load(),
		Dialed:   p.dialed.Load(),
		Retried:  p.retried.Load(),
		Active:   p.places - len(p.idle),
		Idle:     len(p.idle),
		Waiting:  len(p.waiting),
	}
}
