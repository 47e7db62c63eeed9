package fastcgi

import (
	"net"
	"time"
)

// lingerTime is how long a connection whose responses are complete is still read, so that a web
// server that is sending gets to read them before a reset. nginx closes at once.
const lingerTime = 2 * time.Second

// longAgo is a deadline that ends a wait.
var longAgo = time.Unix(1, 0)

// readWait is the wait of the goroutine that reads. Other goroutines may move its deadline: an idle
// time begins when the last request ends. conn.mu guards it.
type readWait struct {
	nc          net.Conn
	waiting     bool
	at          position  // of the reader
	recordSince time.Time // when the wait for a whole record began; zero before
	lingerSince time.Time // when the wait for the peer to close its side began; zero before
	deadline    time.Time // that is set
	stalled     *request  // the wait is for room in its body
}

// begin begins a wait at that position of the stream.
func (w *readWait) begin(at position) {
	if at.records != w.at.records {
		w.recordSince = time.Time{}
	}
	w.at, w.waiting = at, true
}

// set moves the deadline; the zero time is none.
func (w *readWait) set(deadline time.Time) {
	if deadline != w.deadline {
		w.deadline = deadline
		w.nc.SetReadDeadline(deadline)
	}
}

// moveReadDeadline bounds the wait under way. Most waits have no bound: a kept connection waits for
// its next request, and the request that is under way for its App. So most requests set none. The
// caller holds mu.
func (c *conn) moveReadDeadline() {
	if c.wait.waiting {
		c.wait.set(c.readDeadline())
	}
}

// readDeadline returns when the wait ends, zero for never. The times that it counts from are those
// of the first wait: what is there at once needs no clock. The caller holds mu.
func (c *conn) readDeadline() time.Time {
	switch pending := c.table.oldestPending(); {
	case c.state == stateLingering:
		return deadlineAfter(&c.wait.lingerSince, lingerTime)
	case pending != nil: // for all of the variables: a byte now and then must not do
		for r := range c.table.pendingParams() {
			deadlineAfter(&r.since, c.limits.readTimeout)
		}
		return deadlineAfter(&pending.since, c.limits.readTimeout)
	case c.wait.at.within && !c.withinBody():
		return deadlineAfter(&c.wait.recordSince, c.limits.readTimeout)
	case len(c.table.open) > 0:
		return time.Time{}
	case c.state == stateNew:
		return deadlineAfter(&c.wait.recordSince, c.newTimeout())
	}
	return deadlineAfter(new(time.Time), c.limits.idleTimeout)
}

// newTimeout bounds the wait for each record until a request is complete: only then a web server
// may keep the connection for as long as it likes. IdleTimeout counts after the first record.
func (c *conn) newTimeout() time.Duration {
	read, idle := c.limits.readTimeout, c.limits.idleTimeout
	if c.wait.at.records > 0 && idle > 0 && (read == 0 || idle < read) {
		return idle
	}
	return read
}

// deadlineAfter returns the time that is bound after since, which begins now if it has not.
func deadlineAfter(since *time.Time, bound time.Duration) time.Time {
	if bound == 0 {
		return time.Time{}
	}
	if since.IsZero() {
		*since = time.Now()
	}
	return since.Add(bound)
}

// withinBody reports whether the record under way is of the body of an open request: its App may be
// in no hurry to read it, and the App's own wait is bounded by the same time. The caller holds mu.
func (c *conn) withinBody() bool { return c.wait.at.body != 0 && c.table.find(c.wait.at.body) != nil }
