package nethttp

import (
	"errors"
	"os"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// lingerTime is how long a connection of which our side is closed is still read, so that a web
// server that is sending reads the response before a reset can destroy it. nginx closes at once.
const lingerTime = 2 * time.Second

// longAgo is a deadline that ends a wait.
var longAgo = time.Unix(1, 0)

// wait is what the watch waits for.
type wait int

const (
	forRecord wait = iota // the next one
	forWhole              // the rest of a record
	// the rest of a record of a request's body, which the App may not want yet
	forBody
	forRoom // in ahead
)

// waitFor says what the watch waits for next.
func (c *conn) waitFor(w wait) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting, c.since = w, time.Now()
	c.spoken = c.spoken || w != forRecord
	c.setReadDeadline()
}

// setReadDeadline bounds the present wait of the watch. The caller holds mu.
func (c *conn) setReadDeadline() { c.nc.SetReadDeadline(c.readDeadline(time.Now())) }

// readDeadline returns when the present wait ends, zero for never. The caller holds mu.
func (c *conn) readDeadline(now time.Time) time.Time {
	since, bound := c.since, c.readTimeout
	switch oldest := c.requests.oldestHeld(); {
	case c.state == ended:
		return c.lingerUntil
	case c.waiting == forRoom:
		return time.Time{}
	case oldest != nil: // all that is held back, however slowly it comes
		since = oldest.begun
	case c.waiting == forWhole || !c.spoken:
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

// idleTimeout bounds the wait for the next request. Until there was one, it is for each record
// ReadTimeout at most: only a connection on which a request was answered is the web server's to
// keep.
func (c *conn) idleTimeout() time.Duration {
	idle := c.server.IdleTimeout
	if !c.asked && c.readTimeout > 0 && (idle <= 0 || c.readTimeout < idle) {
		return c.readTimeout
	}
	return idle
}

// waitForRoom keeps the watch from reading on while too much waits for net/http/fcgi. What it
// notices meanwhile is that the peer goes away; what has come is there to be read all the same.
func (c *conn) waitForRoom() error {
	for !c.ahead.roomy() {
		c.waitFor(forRoom)
		gone, err := c.socket.WaitGone(c.ahead.roomy)
		if gone {
			c.endContexts(gateway.ErrClientGone)
		}
		switch {
		case gone || errors.Is(err, errors.ErrUnsupported):
			c.ahead.waitForRoom()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // which is resume's
			return err
		}
	}
	return nil
}

// resume ends waitForRoom when there is room.
func (c *conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.waiting == forRoom && c.ahead.roomy() {
		c.nc.SetReadDeadline(longAgo)
	}
}
