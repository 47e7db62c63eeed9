package load

import (
	"context"
	"time"
)

// runner is a Plan that runs. Times count from its start.
type runner struct {
	plan   *Plan
	net    network
	result *Result
	conns  []*conn
	free   freePlaces

	started  time.Time
	begin    time.Duration // of what is counted: after the warm-up
	end      time.Duration // of the time in which requests begin
	interval time.Duration // between two requests that are due; 0 without a rate
	due      time.Duration // when the next one is
	counting bool
	failed   bool  // there was an error that counts
	begun    int64 // requests that count
	ended    int64 // of those
	busy     int   // requests under way
	absent   int   // connections that wait for retryAt
	nextTick time.Duration
	last     time.Duration // when bytes came last: reading the clock costs as much as a decoder
}

const (
	forever = time.Duration(1<<63 - 1)
	// tick is how often timeouts and the context are looked at.
	tick = 100 * time.Millisecond
	// retryAfter is how long a connection that was refused is not made again.
	retryAfter = 10 * time.Millisecond
)

func newRunner(p *Plan, n network) *runner {
	r := &runner{plan: p, net: n, result: NewResult(), end: forever, begin: p.Warmup}
	if p.Span > 0 {
		r.end = p.Warmup + p.Span
	}
	if p.Rate > 0 {
		r.interval = max(time.Duration(float64(time.Second)/p.Rate), 1)
	}
	r.free.ring = make([]place, p.Conns*len(p.Requests))
	for i := range p.Conns {
		r.conns = append(r.conns, &conn{r: r, index: i, decoder: p.Decoder(), streams: make([]stream, len(p.Requests))})
	}
	for i := range p.Requests {
		for _, c := range r.conns {
			r.free.push(place{c, i})
		}
	}
	return r
}

func (r *runner) now() time.Duration { return time.Since(r.started) }

// run is the loop.
func (r *runner) run(ctx context.Context) (*Result, error) {
	r.started = time.Now()
	r.counting = r.begin == 0
	for now := r.now(); ; {
		if now >= r.nextTick {
			r.handleTick(now)
			if ctx.Err() != nil {
				break
			}
		}
		r.beginDue(now)
		if r.isOver(now) {
			break
		}
		before := r.last
		if err := r.net.wait(r.sleep(now), r); err != nil {
			return nil, err
		}
		if now = r.last; now == before {
			now = r.now()
		}
	}
	r.finish()
	return r.result, nil
}

// isOver reports whether there is nothing more to wait for.
func (r *runner) isOver(now time.Duration) bool {
	if r.plan.FailFast && r.failed {
		return true
	}
	if r.plan.Count > 0 && r.ended >= r.plan.Count {
		return true
	}
	return now >= r.end && r.busy == 0
}

// mayBegin reports whether another request may begin now.
func (r *runner) mayBegin(now time.Duration) bool {
	return r.free.n > 0 && now < r.end && (r.plan.Count <= 0 || r.begun < r.plan.Count) && (r.interval == 0 || r.due <= now)
}

// beginDue begins what requests may begin.
func (r *runner) beginDue(now time.Duration) {
	if !r.counting && now >= r.begin {
		r.counting = true
		r.result = NewResult()
	}
	for passed := 0; r.mayBegin(now) && passed < len(r.free.ring); {
		p := r.free.pop()
		if p.c.retryAt > now {
			r.free.push(p)
			passed++
			continue
		}
		r.beginOne(p, now)
	}
}

func (r *runner) beginOne(p place, now time.Duration) {
	due := now
	if r.interval > 0 {
		due = r.due
		r.due += r.interval
	}
	r.busy++
	counted := r.counting && due >= r.begin
	if counted {
		r.begun++
	}
	if err := p.c.begin(p.stream, counted, due, now); err != nil {
		r.handleClosed(p.c.index, err)
	}
}

// sleep is how long nothing needs to be done, unless the network has something.
func (r *runner) sleep(now time.Duration) time.Duration {
	until := r.nextTick
	if now < r.end {
		until = min(until, r.end)
		if !r.counting {
			until = min(until, r.begin)
		}
		if r.interval > 0 && r.free.n > 0 {
			until = min(until, r.due)
		}
	}
	if r.free.n > 0 && now < r.end {
		for _, c := range r.conns {
			if r.absent == 0 {
				break
			}
			if c.retryAt > now {
				until = min(until, c.retryAt)
			}
		}
	}
	return max(until-now, 0)
}

// handleTick fails the requests that have taken too long.
func (r *runner) handleTick(now time.Duration) {
	r.nextTick = now + min(tick, max(r.plan.Timeout/4, time.Millisecond))
	r.absent = 0
	for _, c := range r.conns {
		if c.retryAt > now {
			r.absent++
		}
		for i := range c.streams {
			if s := &c.streams[i]; s.busy && now-s.sent >= r.plan.Timeout {
				c.fail(i, map[bool]string{true: KindUnended, false: KindTimeout}[s.first != 0])
				c.abort(KindCompanion)
			}
		}
	}
	if r.plan.Watch != nil {
		r.measure(now)
		r.plan.Watch(r.started.Add(now), r.result)
	}
}

// handleConnected implements handler.
func (r *runner) handleConnected(i int) {
	c := r.conns[i]
	c.state = connReady
	if r.result.Connects++; c.busy() == 0 {
		return
	}
	if err := c.sendAll(r.now()); err != nil {
		r.handleClosed(i, err)
	}
}

// handleBytes implements handler.
func (r *runner) handleBytes(i int, p []byte) {
	c := r.conns[i]
	if c.state != connReady {
		return
	}
	c.now = r.now()
	r.last = c.now
	if err := c.decoder.Decode(p, c); err != nil {
		c.abort(kindOf(err))
	} else if c.close && c.busy() == 0 {
		c.discard()
	}
	r.beginDue(c.now)
}

// handleClosed implements handler.
func (r *runner) handleClosed(i int, cause error) {
	c := r.conns[i]
	c.now = r.now()
	kept := c.state == connReady && !r.plan.NoKeep
	if c.state == connMaking {
		c.retryAt = c.now + retryAfter
		r.absent++
	}
	c.discard()
	if kept {
		r.result.Closed++
	}
	if cause == nil {
		if cause = c.decoder.Finish(c); cause == nil && c.busy() > 0 {
			cause = newBroken(KindClosed, nil)
		}
	}
	if kept && c.mayRepeat() {
		r.result.Again += int64(c.busy())
		if err := c.dial(); err == nil {
			return
		}
		c.discard()
	}
	if c.busy() > 0 {
		c.abort(kindOf(cause))
	}
}

// mayRepeat reports whether the server has closed a kept connection while a request was on its way:
// an answer came before, and not a byte of the next.
func (c *conn) mayRepeat() bool {
	if c.answers == 0 {
		return false
	}
	n := 0
	for i := range c.streams {
		if s := &c.streams[i]; s.busy {
			n++
			if s.first != 0 {
				return false
			}
		}
	}
	return n > 0
}

// measure fills in the times of the result.
func (r *runner) measure(now time.Duration) {
	r.result.Took = max(now-r.begin, 0)
	r.result.Rated = max(min(now, r.end)-r.begin, 0)
}

// finish fills in what is known at the end only.
func (r *runner) finish() {
	now := r.now()
	r.measure(now)
	r.result.flush()
	r.result.Dropped = max(r.begun-r.ended, 0)
	if limited := r.plan.Count > 0 && r.begun >= r.plan.Count; r.interval > 0 && r.plan.Span > 0 && !limited {
		r.result.Unsent = max(int64((min(now, r.end)-r.due)/r.interval), 0)
	}
	for _, c := range r.conns {
		if c.asked && !c.answered {
			r.result.Starved++
		}
	}
}
