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
// section 3.3). The pool counts each of them as active. The zero value is ready to use.
type mux struct {
	off     atomic.Bool   // the application cannot multiplex
	idle    atomic.Int64  // connections without a request
	stalled atomic.Uint64 // requests aborted because their responses were not read

	mu    sync.Mutex
	conns []*sharedConn
	// a request is making a connection; other requests wait, as they may find room on it
	dialing bool
	// closed when there may be new room; nil while no request waits for room
	changed chan struct{}
	waiting int
}

// maxStreams is how many requests a connection carries before another connection is made. It is
// below the limit of fastcgi.Server.
const maxStreams = 100

// acquire returns a stream of a shared connection as a conn, or nil if the application cannot
// multiplex.
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

// find returns a stream of an existing connection. If none has room, it returns a nil c: then the
// caller waits for changed, or makes a connection if changed is nil.
func (m *mux) find(s *Settings) (c *conn, changed <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	full := s.MaxConns > 0 && len(m.conns) >= s.MaxConns
	for _, force := range []bool{false, full} {
		for _, shared := range m.conns {
			if c := shared.reserve(force); c != nil {
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

// wait waits for changed, for the end of the context, or until timeout has passed since began.
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

// dial makes a connection and asks the application whether it can multiplex. It returns the first
// stream of the connection, or nil if the application cannot.
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
	c := shared.reserve(true)
	m.mu.Lock()
	m.conns = append(m.conns, shared)
	m.mu.Unlock()
	go shared.read()
	return c, nil
}

// dialed says that dial has returned.
func (m *mux) dialed() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dialing = false
	m.notify()
}

// notifyRoom is called when a connection accepts requests again.
func (m *mux) notifyRoom() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notify()
}

// notify wakes the requests that wait, to look for room again. The caller holds mu.
func (m *mux) notify() {
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// remove removes a connection that has ended.
func (m *mux) remove(shared *sharedConn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.conns = slices.DeleteFunc(m.conns, func(other *sharedConn) bool { return other == shared })
	m.notify()
}

// closeIdle closes the connections that have no request.
func (m *mux) closeIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, shared := range m.conns {
		shared.closeIdle()
	}
}

// close ends the requests on all connections, after the pool has closed their sockets. This also
// wakes a connection that waits for the reader of a response.
func (m *mux) close() {
	m.mu.Lock()
	conns := slices.Clone(m.conns)
	m.mu.Unlock()
	for _, shared := range conns {
		for _, s := range shared.listStreams() {
			s.Close()
		}
	}
}

// addStats adds the figures of m to those of the pool, which counts connections without a request
// as active.
func (m *mux) addStats(s *Stats) {
	s.Stalled = m.stalled.Load()
	idle := min(int(m.idle.Load()), s.Active)
	s.Idle += idle
	s.Active -= idle
	m.mu.Lock()
	defer m.mu.Unlock()
	s.Waiting += m.waiting
}
