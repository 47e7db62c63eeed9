package fastcgi

import (
	"cmp"
	"time"
)

// starvation is how long a new connection waits for its answer before the kept ones are given up for it. A process of php-fpm that
// holds a kept connection accepts no other, so the new one would wait for as long as the other is kept.
const starvation = time.Second

// starving reports whether a new connection has waited for that long.
func (p *clientPool) starving(now time.Time) bool {
	return len(p.fresh) > 0 && now.Sub(p.fresh[0].dialed) >= starvation
}

// sweepLater has the idle connections looked after when the first of them has been kept long enough, or a new one has waited long
// enough. A sweep that comes earlier than it need be does no harm, so that most calls set no timer.
func (p *clientPool) sweepLater(c *Client) {
	var at time.Time
	if timeout := idleTimeout(c); timeout > 0 {
		at = p.idle[0].idle.Add(timeout)
	}
	if len(p.fresh) > 0 {
		if end := p.fresh[0].dialed.Add(starvation); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	if at.IsZero() || !p.sweepAt.IsZero() && !at.Before(p.sweepAt) {
		return
	}
	p.sweepAt = at
	if p.sweeper == nil {
		p.sweeper = time.AfterFunc(time.Until(at), func() { p.sweep(c) })
		return
	}
	p.sweeper.Reset(time.Until(at))
}

func (p *clientPool) sweep(c *Client) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sweepAt = time.Time{}
	now := time.Now()
	starving, timeout := p.starving(now), idleTimeout(c)
	p.closeWhere(func(conn *clientConn) bool {
		return starving || timeout > 0 && now.Sub(conn.idle) >= timeout
	})
	if len(p.idle) > 0 {
		p.sweepLater(c)
	}
}

func idleTimeout(c *Client) time.Duration { return cmp.Or(c.IdleTimeout, defaultIdleTimeout) }
