package client

import (
	"slices"
	"time"
)

// maxStarvation is how long a new connection waits for its response before the idle ones are closed
// for its sake. An idle connection holds a process of php-fpm, which accepts no other connection:
// the new one would wait for as long as the idle one is kept.
const maxStarvation = time.Second

// starving reports whether a new connection has waited for that long.
func (p *pool) starving(now time.Time) bool {
	return len(p.unanswered) > 0 && now.Sub(p.unanswered[0].dialed) >= maxStarvation
}

// sweepLater has sweep called when the first idle connection has been kept for long enough, or a
// new one has waited for long enough. A call that comes too early does no harm, so the timer is set
// only to make it earlier.
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

// nextSweep returns when an idle connection may have to be closed next. Zero is never.
func (p *pool) nextSweep() (at time.Time) {
	if len(p.idle) == 0 {
		return at
	}
	if p.idleTimeout > 0 {
		at = p.idle[0].idleSince.Add(p.idleTimeout)
	}
	if len(p.unanswered) > 0 {
		if end := p.unanswered[0].dialed.Add(maxStarvation); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	return at
}

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

// closeIdleIf closes the idle connections of which end is true.
func (p *pool) closeIdleIf(end func(*conn) bool) {
	p.idle = slices.DeleteFunc(p.idle, func(c *conn) bool {
		ends := end(c)
		if ends {
			p.remove(c)
			p.line.Release()
		}
		return ends
	})
}
