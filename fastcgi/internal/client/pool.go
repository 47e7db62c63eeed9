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

// pool holds the connections of a Client. The zero value is ready to use.
type pool struct {
	dialed atomic.Uint64

	// An open connection takes a slot, and so does one that is being dialed. The lock of line
	// guards the fields below.
	line exchange.Line[*conn]

	conns map[*conn]bool // open
	// ordered by last use; the last one is used first, so that the others can expire. Empty while a
	// request waits in line.
	idle       []*conn
	kept       int     // open connections whose requests carry FCGI_KEEP_CONN
	unanswered []*conn // new connections without a response so far, oldest first

	// From the settings of the latest request.
	maxIdle     int
	idleTimeout time.Duration

	sweeper *time.Timer
	sweepAt time.Time // when sweeper fires; zero if it is not set
}

// acquire returns an idle connection or a new one. With fresh it returns only a new one. The caller
// must release or discard it.
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
			c.reserveReader()
		}
		c.nextID()
		return c, nil
	}
}

// wait waits until MaxConns allows another request. It returns an idle connection, or nil when it
// has reserved a slot for a new one.
func (p *pool) wait(ctx context.Context, s *Settings, fresh bool) (*conn, error) {
	p.line.Lock()
	p.maxIdle, p.idleTimeout = s.MaxIdleConns, s.IdleTimeout
	full := s.MaxConns > 0 && p.line.Taken() >= s.MaxConns
	if len(p.idle) > 0 && (!fresh || full) {
		c := p.popIdle()
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

// popIdle removes the most recently used idle connection from the list and returns it.
func (p *pool) popIdle() *conn {
	last := len(p.idle) - 1
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c
}

// reuse returns c. With fresh it closes c instead and returns nil: the caller makes a new
// connection in its slot.
func (p *pool) reuse(c *conn, fresh bool) *conn {
	if c == nil || !fresh {
		return c
	}
	p.line.Lock()
	defer p.line.Unlock()
	p.remove(c)
	return nil
}

// waitError returns the error of an exchange whose wait in line ended with err.
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

// closedError returns the error of an exchange that Close has ended, or that begins after Close.
// The gateway is to blame for it, not the application.
func closedError() error {
	return &gateway.ServerError{Status: 503, Reason: "the server is shutting down", Err: ErrClosed}
}

// closedBy implements owner.
func (p *pool) closedBy() error {
	p.line.Lock()
	defer p.line.Unlock()
	return p.line.Closed()
}

// dial makes a connection. The caller has reserved a slot for it; if dial fails, it releases the
// slot.
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

// reserveKept marks c to be kept after its requests, if fewer than MaxIdleConns connections are so
// marked. A connection to a further address is not kept: later requests would use it although the
// first address can be reached again.
func (p *pool) reserveKept(c *conn) {
	p.line.Lock()
	defer p.line.Unlock()
	if !c.keep && p.kept < p.maxIdle && !c.call.IsFallback() {
		c.keep = true
		p.kept++
	}
}

// noteAnswer implements owner. The application works on c, so c does not wait for an idle
// connection to be closed.
func (p *pool) noteAnswer(c *conn) {
	p.line.Lock()
	defer p.line.Unlock()
	p.forgetUnanswered(c)
}

// forgetUnanswered removes c from the list of connections without a response.
func (p *pool) forgetUnanswered(c *conn) {
	if i := slices.Index(p.unanswered, c); i >= 0 {
		p.unanswered = slices.Delete(p.unanswered, i, i+1)
	}
}

// release implements owner. A kept connection goes to the request that has waited longest, or
// becomes idle. Any other is closed.
func (p *pool) release(c *conn) {
	c.releaseReader()
	c.used, c.idleSince = true, time.Now()
	if !p.keepOpen(c) {
		p.discard(c)
	}
}

// keepOpen passes a connection on or makes it idle, and reports whether it did.
func (p *pool) keepOpen(c *conn) bool {
	if !c.keep {
		return false
	}
	p.line.Lock()
	defer p.line.Unlock()
	switch {
	case p.line.Give(c):
	case p.line.Closed() != nil || p.starving(c.idleSince):
		return false
	default:
		p.idle = append(p.idle, c)
		p.sweepLater()
	}
	return true
}

// discard implements owner: it closes the connection. Its slot is free only after that, and the
// other requests need not wait for the system meanwhile.
func (p *pool) discard(c *conn) {
	c.call.Close()
	p.line.Lock()
	defer p.line.Unlock()
	p.removeClosed(c)
	p.line.Release()
}

// remove closes c and removes it from the pool. The caller releases its slot, or uses it for a new
// connection.
func (p *pool) remove(c *conn) {
	c.call.Close()
	p.removeClosed(c)
}

// removeClosed removes c, which is closed, from the pool.
func (p *pool) removeClosed(c *conn) {
	delete(p.conns, c)
	p.forgetUnanswered(c)
	if c.keep {
		p.kept--
	}
}

// close closes all connections, so that the exchanges under way fail, and ends the waits in line.
func (p *pool) close() {
	p.line.Lock()
	defer p.line.Unlock()
	p.line.Close(closedError())
	p.closeIdleIf(func(*conn) bool { return true })
	for c := range p.conns {
		c.call.Close() // its exchange fails and then discards it
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
