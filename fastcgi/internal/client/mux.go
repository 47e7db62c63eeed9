package client

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// mux holds the connections of a Client that carry several requests at the same time (FastCGI
// section 3.3). Each of them is an active one of the pool. The zero value is ready.
type mux struct {
	off     atomic.Bool   // the application cannot multiplex
	idle    atomic.Int64  // connections without a request
	stalled atomic.Uint64 // requests that were given up because their responses were not read

	mu    sync.Mutex
	conns []*sharedConn
	// one request makes a connection, on which the next ones may find room too
	dialing bool
	// closed when there may be room that there was not before; nil while no request waits for it
	changed chan struct{}
	waiting int
}

// maxStreams is how many requests a connection gets before another is made. It is below
// fastcgi.Server's own bound.
const maxStreams = 100

// acquire returns one request's share of a connection, nil if the application cannot multiplex.
func (m *mux) acquire(ctx context.Context, p *pool, s *Settings) (*conn, error) {
	began := time.Now()
	for !m.off.Load() {
		c, changed := m.find(s)
		switch {
		case c != nil:
			return c, nil
		case changed == nil:
			return m.dial(ctx, p, s)
		}
		if err := m.wait(ctx, changed, s.WaitTimeout, began); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// find returns a share of a connection that there is. Without one, the caller has to make a
// connection, or to wait for changed if that is not nil.
func (m *mux) find(s *Settings) (c *conn, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	full := s.MaxConns > 0 && len(m.conns) >= s.MaxConns
	for _, force := range []bool{false, full} {
		for _, shared := range m.conns {
			if c := shared.open(force); c != nil {
				return c, nil
			}
		}
	}
	if !full && !m.dialing {
		m.dialing = true
		return nil, nil
	}
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return nil, m.changed
}

// wait waits for changed.
func (m *mux) wait(ctx context.Context, changed <-chan struct{}, timeout time.Duration, began time.Time) error {
	var late <-chan time.Time
	if timeout > 0 {
		timer := time.NewTimer(time.Until(began.Add(timeout)))
		defer timer.Stop()
		late = timer.C
	}
	m.addWaiting(1)
	defer m.addWaiting(-1)
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return gateway.ContextError(ctx)
	case <-late:
		return waitError(ctx, exchange.ErrLineTimeout)
	}
}

func (m *mux) addWaiting(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting += n
}

// dial makes a connection and asks the application whether it can multiplex. The first share of it
// is the caller's.
func (m *mux) dial(ctx context.Context, p *pool, s *Settings) (*conn, error) {
	defer m.dialed()
	base, err := p.acquire(ctx, s, true)
	if err != nil {
		return nil, err
	}
	shared := newSharedConn(m, p, base, s)
	can := shared.multiplexes(ctx, s.Dialer.DialTimeout)
	if ended := gateway.ContextError(ctx); ended != nil {
		p.discard(base)
		return nil, ended
	}
	if !can {
		m.off.Store(true)
		p.discard(base)
		return nil, nil
	}
	p.noteAnswer(base)
	c := shared.open(true)
	m.mu.Lock()
	m.conns = append(m.conns, shared)
	m.mu.Unlock()
	go shared.read()
	return c, nil
}

func (m *mux) dialed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dialing = false
	m.notify()
}

// roomMade is told of a connection that takes requests again.
func (m *mux) roomMade() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notify()
}

// notify has the requests that wait look for room again.
func (m *mux) notify() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// remove forgets a connection that has ended.
func (m *mux) remove(shared *sharedConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = slices.DeleteFunc(m.conns, func(other *sharedConn) bool { return other == shared })
	m.notify()
}

// closeIdle closes the connections without a request.
func (m *mux) closeIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, shared := range m.conns {
		shared.closeIdle()
	}
}

// close ends the requests on all connections, whose sockets the pool has closed. A connection that
// waits for the reader of a response notices it by that.
func (m *mux) close() {
	m.mu.Lock()
	conns := slices.Clone(m.conns)
	m.mu.Unlock()
	for _, shared := range conns {
		for _, s := range shared.all() {
			s.Close()
		}
	}
}

// addStats adds the figures of m to those of the pool, in which connections without a request are
// active.
func (m *mux) addStats(s *Stats) {
	s.Stalled = m.stalled.Load()
	idle := min(int(m.idle.Load()), s.Active)
	s.Idle += idle
	s.Active -= idle
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Waiting += m.waiting
}
