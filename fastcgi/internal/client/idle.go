package client

import (
	"slices"
	"time"
)

// maxStarvation is how long a new connection waits for its response before the idle connections are
// closed. An idle connection occupies a process of php-fpm, which then accepts no other connection:
// without this, the new connection would wait for as long as the idle one is kept.
const maxStarvation = time.Second

// starving reports whether a new connection has waited for maxStarvation.
func (p *pool) starving(now time.Time) bool {
	return len(p.unanswered) > 0 && now.Sub(p.unanswered[0].dialed) >= maxStarvation
}

// sweepLater schedules sweep for the time of nextSweep. A sweep that runs too early does no harm,
// so the timer is only ever moved to an earlier time.
func (p *pool) sweepLater() {
	at := p.nextSweep()
	if at.IsZero() || !p.sweepAt.IsZero() && !at.Before(p.sweepAt) {
		return
	}
	p.sweepAt = at
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(time.Until(at), p.sweep)
		return
	}
	p.sweeper.Reset(time.Until(at))
}

// nextSweep returns the earliest time at which an idle connection may have to be closed. Zero means
// never.
func (p *pool) nextSweep() (at time.Time) {
	if len(p.idle) == 0 {
		return at
	}
	if p.idleTimeout > 0 {
		at = p.idle[0].idleSince.Add(p.idleTimeout)
	}
	if len(p.unanswered) > 0 {
		if starved := p.unanswered[0].dialed.Add(maxStarvation); at.IsZero() || starved.Before(at) {
			at = starved
		}
	}
	return at
}

// sweep closes the idle connections that have expired, and all of them if a new connection starves.
func (p *pool) sweep() {
	p.line.Lock()
	defer p.line.Unlock()
	p.sweepAt = time.Time{}
	now := time.Now()
	starving := p.starving(now)
	p.closeIdleIf(func(c *conn) bool {
		return starving || p.idleTimeout > 0 && now.Sub(c.idleSince) >= p.idleTimeout
	})
	p.sweepLater()
}

// closeIdle closes all idle connections.
func (p *pool) closeIdle() {
	p.line.Lock()
	defer p.line.Unlock()
	p.closeIdleIf(func(*conn) bool { return true })
}

// closeIdleIf closes the idle connections for which expired returns true.
func (p *pool) closeIdleIf(expired func(*conn) bool) {
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		if !expired(c) {
			return false
		}
		p.remove(c)
		p.line.Release()
		return true
	})
}
