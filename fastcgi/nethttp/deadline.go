package nethttp

import (
	"errors"
	"os"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// lingerTime is how long a connection is still read after our side is closed. A reset at once could
// destroy responses that a web server has not read because it is still sending. nginx closes at
// once.
const lingerTime = 2 * time.Second

// longAgo is a deadline in the past: it ends a wait.
var longAgo = time.Unix(1, 0)

// wait tells what the watch waits for.
type wait int

const (
	forRecord wait = iota // the next record
	forWhole              // the rest of a record
	forBody               // the rest of a record of a body, which the App may not read yet
	forRoom               // room in ahead
)

// waitFor notes what the watch waits for next.
func (c *conn) waitFor(w wait) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.since = w, time.Now()
	c.sawData = c.sawData || w != forRecord
	c.setReadDeadline()
}

// setReadDeadline sets the deadline of the watch's current wait. The caller holds mu.
func (c *conn) setReadDeadline() { c.nc.SetReadDeadline(c.readDeadline(time.Now())) }

// readDeadline returns when the current wait ends, zero for never. The caller holds mu.
func (c *conn) readDeadline(now time.Time) time.Time {
	since, bound := c.since, c.readTimeout
	switch oldest := c.requests.oldestHeld(); {
	case c.state == ended:
		return c.lingerUntil
	case c.waiting == forRoom:
		return time.Time{}
	case oldest != nil: // bounds all held records together: single bytes must not extend the wait
		since = oldest.begun
	case c.waiting == forWhole || !c.sawData:
	case len(c.requests.open) > 0:
		return time.Time{}
	default:
		since, bound = now, c.idleTimeout()
	}
	if bound <= 0 {
		return time.Time{}
	}
	return since.Add(bound)
}

// idleTimeout bounds the wait for the next request. Before the first request it is at most
// ReadTimeout for each record: the web server may keep a connection without limit only after a
// request.
func (c *conn) idleTimeout() time.Duration {
	idle := c.server.IdleTimeout
	if !c.passedOne && c.readTimeout > 0 && (idle <= 0 || c.readTimeout < idle) {
		return c.readTimeout
	}
	return idle
}

// waitForRoom stops the watch from reading while too much is buffered for net/http/fcgi. Meanwhile
// it watches for a disconnect; what the peer has sent before can still be read then.
func (c *conn) waitForRoom() error {
	for !c.ahead.hasRoom() {
		c.waitFor(forRoom)
		gone, err := c.socket.WaitGone(c.ahead.hasRoom)
		if gone {
			c.cancelContexts(gateway.ErrClientGone)
		}
		switch {
		case gone || errors.Is(err, errors.ErrUnsupported):
			c.ahead.waitForRoom()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // resume sets the deadline
			return err
		}
	}
	return nil
}

// resume wakes waitForRoom if there is room.
func (c *conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == forRoom && c.ahead.hasRoom() {
		c.nc.SetReadDeadline(longAgo)
	}
}
