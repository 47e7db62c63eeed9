package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// pool holds the connections of a Client. The zero value is ready.
type pool struct {
	dialed atomic.Uint64

	// a slot is an open connection, or one being dialed. Its lock guards what follows.
	line exchange.Line[*conn]

	conns map[*conn]bool // open
	// the one used last at the end: the others may end. Empty while a request waits in the line.
	idle       []*conn
	kept       int     // open connections whose requests carry FCGI_KEEP_CONN
	unanswered []*conn // new ones without a response so far, the oldest at the front

	// Of the last request's settings.
	maxIdle     int
	idleTimeout time.Duration

	sweeper *time.Timer
	sweepAt time.Time // when it will run; zero: it will not
}

// acquire returns a connection without a request: an idle one, or a new one, which it must be with
// fresh. The caller releases or discards it.
func (p *pool) acquire(ctx context.Context, s *Settings, fresh bool) (*conn, error) {
	for {
		c, err := p.wait(ctx, s, fresh)
		switch {
		case err != nil:
			return nil, err
		case c == nil:
			if c, err = p.dial(ctx, s); err != nil {
				return nil, err
			}
		case !c.usable(s.IdleTimeout):
			p.discard(c)
			continue
		default:
			c.call.Begin()
		}
		c.nextID()
		return c, nil
	}
}

// wait returns an idle connection or, with nil, a slot for a new one. It waits for either under
// MaxConns.
func (p *pool) wait(ctx context.Context, s *Settings, fresh bool) (*conn, error) {
	p.line.Lock()
	p.maxIdle, p.idleTimeout = s.MaxIdleConns, s.IdleTimeout
	full := s.MaxConns > 0 && p.line.Taken() >= s.MaxConns
	if len(p.idle) > 0 && (!fresh || full) {
		c := p.takeIdle()
		p.line.Unlock()
		return p.reuse(c, fresh), nil
	}
	turn, err := p.line.Join(exchange.LineBounds{Slots: s.MaxConns, Timeout: s.WaitTimeout})
	p.line.Unlock()
	if err != nil {
		return nil, err
	}
	c, err := turn.Wait(ctx)
	if err != nil {
		return nil, waitError(ctx, err)
	}
	return p.reuse(c, fresh), nil
}

func (p *pool) takeIdle() *conn {
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// reuse returns c, or closes it and leaves its slot to a new connection if that must be fresh.
func (p *pool) reuse(c *conn, fresh bool) *conn {
	if c == nil || !fresh {
		return c
	}
	p.line.Lock()
	defer p.line.Unlock()
	p.remove(c)
	return nil
}

// waitError is what the client hears of a wait in the line that ended without a slot.
func waitError(ctx context.Context, err error) error {
	if errors.Is(err, exchange.ErrLineTimeout) {
		err = fmt.Errorf("fastcgi: all of MaxConns connections were busy for WaitTimeout: %w", err)
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: err}
	}
	if ended := gateway.ContextError(ctx); ended != nil {
		return ended
	}
	return err
}

func closedError() error {
	return &gateway.BackendError{Status: 503, Reason: "the server is shutting down", Err: ErrClosed}
}

// dial makes a connection, for which the caller has a slot.
func (p *pool) dial(ctx context.Context, s *Settings) (*conn, error) {
	call, err := s.Dialer.Dial(ctx)
	p.line.Lock()
	defer p.line.Unlock()
	if closed := p.line.Closed(); err == nil && closed != nil {
		call.Close()
		err = closed
	}
	if err != nil {
		p.line.Release()
		return nil, err
	}
	p.dialed.Add(1)
	c := newConn(call, p)
	c.dialed = time.Now()
	if p.conns == nil {
		p.conns = make(map[*conn]bool)
	}
	p.conns[c] = true
	p.unanswered = append(p.unanswered, c)
	p.sweepLater()
	return c, nil
}

// reserveKept takes a place among the connections that are kept for c, if it has none and one is
// free.
func (p *pool) reserveKept(c *conn) {
	p.line.Lock()
	defer p.line.Unlock()
	if !c.keep && p.kept < p.maxIdle {
		c.keep = true
		p.kept++
	}
}

// noteAnswer implements owner: the application works on c, so it need not wait for an idle
// connection to end.
func (p *pool) noteAnswer(c *conn) {
	p.line.Lock()
	defer p.line.Unlock()
	p.forgetUnanswered(c)
}

func (p *pool) forgetUnanswered(c *conn) {
	if i := slices.Index(p.unanswered, c); i >= 0 {
		p.unanswered = slices.Delete(p.unanswered, i, i+1)
	}
}

// release implements owner. A connection that is kept goes to the request that has waited longest,
// or becomes idle.
func (p *pool) release(c *conn) {
	p.line.Lock()
	defer p.line.Unlock()
	c.used, c.idleSince = true, time.Now()
	switch {
	case c.keep && p.line.Give(c):
	case !c.keep || p.line.Closed() != nil || p.starving(c.idleSince):
		p.remove(c)
		p.line.Release()
	default:
		p.idle = append(p.idle, c)
		p.sweepLater()
	}
}

// discard implements owner: it closes the connection.
func (p *pool) discard(c *conn) {
	p.line.Lock()
	defer p.line.Unlock()
	p.remove(c)
	p.line.Release()
}

// remove closes c and forgets it. Its slot is left to the caller.
func (p *pool) remove(c *conn) {
	c.call.Close()
	delete(p.conns, c)
	p.forgetUnanswered(c)
	if c.keep {
		p.kept--
	}
}

// close ends the idle connections, the waits in the line, and, by closing their connections, the
// exchanges under way.
func (p *pool) close() {
	p.line.Lock()
	defer p.line.Unlock()
	p.line.Close(closedError())
	p.closeIdleIf(func(*conn) bool { return true })
	for c := range p.conns {
		c.call.Close() // its exchange fails, and discards it
	}
	if p.sweeper != nil {
		p.sweeper.Stop()
	}
}

func (p *pool) stats() Stats {
	p.line.Lock()
	defer p.line.Unlock()
	return Stats{
		Dialed:  p.dialed.Load(),
		Active:  p.line.Taken() - len(p.idle),
		Idle:    len(p.idle),
		Waiting: p.line.Waiting(),
	}
}
