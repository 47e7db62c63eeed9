package load

import "time"

// conn is a connection of a run. It is made for the first request on it, and again after it has
// been closed. Its decoder reports to it: see Receiver.
type conn struct {
	r       *runner
	index   int
	decoder Decoder
	streams []stream

	state    connState
	answers  int64 // that came on this connection since it was made
	answered bool  // an answer came ever
	asked    bool  // a request was sent ever
	now      time.Duration
	close    bool // after the bytes at hand: the last answer says so
	retryAt  time.Duration
}

type connState int

const (
	connAbsent connState = iota
	connMaking
	connReady
)

// stream is the place of one request on a connection. Times count from the start of the run.
type stream struct {
	busy    bool
	counted bool          // the request began after the warm-up
	due     time.Duration // from when its latency counts
	sent    time.Duration // from when its timeout counts
	first   time.Duration // 0: no byte has come
}

// busy reports how many requests are under way.
func (c *conn) busy() (n int) {
	for i := range c.streams {
		if c.streams[i].busy {
			n++
		}
	}
	return n
}

// begin begins a request, which was due at that time. counted: it was so after the warm-up.
func (c *conn) begin(i int, counted bool, due, now time.Duration) error {
	c.streams[i] = stream{busy: true, counted: counted, due: due, sent: now}
	switch c.state {
	case connReady:
		return c.send(i)
	case connAbsent:
		return c.dial()
	}
	return nil // it is sent once the connection is made
}

func (c *conn) dial() error {
	c.state, c.answers, c.close = connMaking, 0, false
	c.decoder.Reset()
	return c.r.net.dial(c.index)
}

func (c *conn) send(i int) error {
	c.asked = true
	return c.r.net.send(c.index, c.r.plan.Requests[i])
}

// sendAll sends the requests that have waited for the connection. That of a kept connection does
// not count as a part of the first request's latency, unless that was due at a rate.
func (c *conn) sendAll(now time.Duration) error {
	first := !c.asked && c.r.interval == 0 && !c.r.plan.NoKeep
	for i := range c.streams {
		s := &c.streams[i]
		if !s.busy {
			continue
		}
		if first {
			s.due, s.sent = now, now
		}
		if err := c.send(i); err != nil {
			return err
		}
	}
	return nil
}

// discard closes the connection.
func (c *conn) discard() {
	if c.state != connAbsent {
		c.r.net.discard(c.index)
		c.state = connAbsent
	}
}

// ReceiveFirst implements Receiver.
func (c *conn) ReceiveFirst(i int) bool {
	s := &c.streams[i]
	if s.busy && s.first == 0 {
		s.first = c.now
	}
	return s.busy
}

// ReceiveAnswer implements Receiver.
func (c *conn) ReceiveAnswer(i int, a Answer) {
	c.answers++
	c.answered = true
	c.close = c.close || a.Close || c.r.plan.NoKeep
	s := c.streams[i]
	if s.counted {
		c.r.result.addAnswer(a, c.now-s.due, s.first-s.due, c.now <= c.r.end)
		if a.Status >= 400 || a.Status < 200 {
			c.r.failed = true
		}
	}
	c.release(i)
}

// ReceiveError implements Receiver.
func (c *conn) ReceiveError(i int, kind string) {
	c.answers++
	c.close = c.close || c.r.plan.NoKeep
	c.fail(i, kind)
}

// fail counts a request that has failed.
func (c *conn) fail(i int, kind string) {
	if c.streams[i].counted {
		c.r.result.addError(kind)
		c.r.failed = true
	}
	c.release(i)
}

// release makes the place of a request free.
func (c *conn) release(i int) {
	if c.streams[i].counted {
		c.r.ended++
	}
	c.streams[i].busy = false
	c.r.busy--
	c.r.free.push(place{c, i})
}

// abort closes the connection, and fails what is under way on it.
func (c *conn) abort(kind string) {
	c.discard()
	for i := range c.streams {
		if c.streams[i].busy {
			c.fail(i, kind)
		}
	}
}
