package fastcgi

import (
	"errors"
	"net"
	"os"
	"time"
)

// lingerTime is how long a connection is still read after all responses are complete. A reset at
// once could destroy responses that a web server has not read because it is still sending. nginx
// closes at once.
const lingerTime = 2 * time.Second

// longAgo is a deadline in the past: it ends a wait.
var longAgo = time.Unix(1, 0)

// readWait is the wait of the reading goroutine. Other goroutines may move its deadline: for
// example, the idle timeout begins when the last request ends. conn.mu guards it.
type readWait struct {
	nc          net.Conn
	waiting     bool
	at          position  // of the reader
	recordSince time.Time // when the wait for a complete record began; zero before
	lingerSince time.Time // when the wait for the peer to close its side began; zero before
	deadline    time.Time // the deadline that is set
	stalled     *request  // the request whose body is waited for, or for room in it; nil for none
	woken       bool      // the App of stalled does not need its body any more
	bodyUntil   time.Time // until when an App that reads the connection waits for its body; else zero
}

// errWoken is the end of a wait of an App that has returned.
var errWoken = errors.New("fastcgi: the App needs no more of its body")

// begin begins a wait at position at of the stream. If an App reads the connection for its body, b
// is that body.
func (w *readWait) begin(at position, b *body) {
	if at.records != w.at.records {
		w.recordSince = time.Time{}
	}
	w.at, w.waiting, w.woken = at, true, false
	if b != nil {
		w.stalled = b.request
	}
}

// finish ends a wait. err is that of the read, and finish returns it, or what the end of the
// deadline means: errWoken or errBodyLate.
func (w *readWait) finish(err error) error {
	woken, late := w.woken, !w.bodyUntil.IsZero() && w.deadline.Equal(w.bodyUntil)
	w.waiting, w.stalled, w.woken = false, nil, false
	switch {
	case !errors.Is(err, os.ErrDeadlineExceeded):
		return err
	case woken:
		return errWoken
	case late:
		return errBodyLate
	}
	return err
}

// wake ends the wait if the reader waits for the body of r.
func (w *readWait) wake(r *request) {
	if w.stalled == r {
		w.woken = true
		w.set(longAgo)
	}
}

// set moves the deadline; the zero time is none.
func (w *readWait) set(deadline time.Time) {
	if deadline != w.deadline {
		w.deadline = deadline
		w.nc.SetReadDeadline(deadline)
	}
}

// moveReadDeadline sets the deadline of the wait under way. Most waits have no bound: on a kept
// connection for the next request, and while an App runs. So most requests set no deadline. The
// caller holds mu.
func (c *conn) moveReadDeadline() {
	if c.wait.waiting {
		c.wait.set(c.readDeadline())
	}
}

// boundBodyWait sets the deadline of an App that reads the connection for its body, when it first
// has to wait. Records of other requests do not move it.
func (c *conn) boundBodyWait() {
	if c.inBody == nil || c.limits.readTimeout == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wait.bodyUntil.IsZero() {
		c.wait.bodyUntil = time.Now().Add(c.limits.readTimeout)
		c.moveReadDeadline()
	}
}

// unboundBodyWait ends boundBodyWait: no App reads the connection any more.
func (c *conn) unboundBodyWait() {
	c.inBody = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wait.bodyUntil = time.Time{}
}

// readDeadline returns when the wait ends, zero for never. Each time limit counts from the first
// wait, so that records that have arrived already need no clock. The caller holds mu.
func (c *conn) readDeadline() time.Time {
	switch pending := c.table.oldestPending(); {
	case c.wait.woken:
		return longAgo
	case c.state == stateLingering:
		return deadlineAfter(&c.wait.lingerSince, lingerTime)
	case pending != nil: // bounds all variables together: single bytes must not extend the wait
		for r := range c.table.pendingParams() {
			deadlineAfter(&r.since, c.limits.readTimeout)
		}
		return deadlineAfter(&pending.since, c.limits.readTimeout)
	case c.wait.at.within && !c.withinBody():
		return deadlineAfter(&c.wait.recordSince, c.limits.readTimeout)
	case len(c.table.open) > 0:
		return c.wait.bodyUntil
	case c.state == stateNew:
		return deadlineAfter(&c.wait.recordSince, c.newTimeout())
	}
	return deadlineAfter(new(time.Time), c.limits.idleTimeout)
}

// newTimeout bounds the wait for each record until the first request is complete. After that, the
// web server may keep the connection without limit. IdleTimeout applies after the first record.
func (c *conn) newTimeout() time.Duration {
	read, idle := c.limits.readTimeout, c.limits.idleTimeout
	if c.wait.at.records > 0 && idle > 0 && (read == 0 || idle < read) {
		return idle
	}
	return read
}

// deadlineAfter returns since plus bound, or zero without a bound. It sets a zero since to now.
func deadlineAfter(since *time.Time, bound time.Duration) time.Time {
	if bound == 0 {
		return time.Time{}
	}
	if since.IsZero() {
		*since = time.Now()
	}
	return since.Add(bound)
}

// withinBody reports whether the record under way belongs to the body of an open request. Its App
// may read slowly, and a Read of the App is bounded by ReadTimeout itself. The caller holds mu.
func (c *conn) withinBody() bool { return c.wait.at.body != 0 && c.table.find(c.wait.at.body) != nil }
