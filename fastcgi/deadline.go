package fastcgi

import (
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// longAgo is a deadline that ends a wait.
var longAgo = time.Unix(1, 0)

// setReadDeadline bounds the reader's wait. Most waits have no bound: a kept connection waits for its next request,
// and the request that is under way for its App. So most requests set none. The caller holds mu.
func (c *conn) setReadDeadline() {
	if !c.waiting {
		return
	}
	if d := c.readDeadline(); d != c.deadline {
		c.deadline = d
		c.nc.SetReadDeadline(d)
	}
}

// readDeadline returns when the wait ends, zero for never. The times that it counts from are those of the first wait: what is there
// at once needs no clock.
func (c *conn) readDeadline() time.Time {
	bound := c.limits.readTimeout
	switch {
	case c.lingering:
		return after(&c.lingerSince, lingerTime)
	case c.table.oldestPending() != nil: // as a whole: a byte now and then must not do
		for r := range c.table.pendingParams() {
			after(&r.since, bound)
		}
		return after(&c.table.oldestPending().since, bound)
	case !c.spoken || c.withinRecord() && !c.withinBody():
		return after(&c.recordSince, bound)
	case len(c.table.open) > 0:
		return time.Time{}
	}
	since := time.Time{}
	return after(&since, c.limits.idleTimeout)
}

// after returns the time that is bound after since, which begins now if it has not.
func after(since *time.Time, bound time.Duration) time.Time {
	if bound == 0 {
		return time.Time{}
	}
	if since.IsZero() {
		*since = time.Now()
	}
	return since.Add(bound)
}

// withinBody says that the record under way is of a body that its App may be in no hurry to read: the App's own wait is bounded, by
// the same time. The caller holds mu.
func (c *conn) withinBody() bool {
	t := c.scan.record.Type
	return c.scan.open && (t == wire.TypeStdin || t == wire.TypeData) && c.table.find(c.scan.record.ID) != nil
}
