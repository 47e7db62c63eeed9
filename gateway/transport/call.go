package transport

import (
	"cmp"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Call is a connection to an application: net.Conn with the timeouts of the Dialer. One goroutine
// may read and one may write at the same time; the net.Conn within is for what has no timeout.
type Call struct {
	net.Conn
	socket           *Socket
	firstByteTimeout time.Duration // negative is none, as for the others
	readTimeout      time.Duration
	writeTimeout     time.Duration

	in       deadline
	answered bool
	// when the request was sent, in nanoseconds since 1970; underWay while it is
	sent atomic.Int64
}

func (d *Dialer) newCall(nc net.Conn) *Call {
	return &Call{
		Conn:             nc,
		socket:           NewSocket(nc),
		firstByteTimeout: cmp.Or(d.FirstByteTimeout, defaultCallTimeout),
		readTimeout:      cmp.Or(d.ReadTimeout, defaultCallTimeout),
		writeTimeout:     cmp.Or(d.WriteTimeout, defaultCallTimeout),
	}
}

// On returns a Call on nc with the timeouts of c: for one of several exchanges that share a
// connection.
func (c *Call) On(nc net.Conn) *Call {
	return &Call{
		Conn:             nc,
		socket:           NewSocket(nc),
		firstByteTimeout: c.firstByteTimeout,
		readTimeout:      c.readTimeout,
		writeTimeout:     c.writeTimeout,
	}
}

// Begin begins an exchange, the next one of a connection that was kept. It must not be called
// beside Read or Write.
func (c *Call) Begin() {
	c.answered = false
	c.sent.Store(0)
}

// Answered reports whether a byte was read since Begin. It is for the goroutine that reads.
func (c *Call) Answered() bool { return c.answered }

// Quiet reports whether nothing has come since the last exchange, as [Socket.Quiet] does.
func (c *Call) Quiet() bool { return c.socket.Quiet() }

const underWay = -1

// Sending says that the body is being sent beside the reading: until Sent, an application that is
// silent may be waiting for the body, and only WriteTimeout bounds the exchange.
func (c *Call) Sending() { c.sent.Store(underWay) }

// Sent says that the request is sent.
func (c *Call) Sent() { c.sent.Store(time.Now().UnixNano()) }

// Read waits for the first byte of the answer, or for more of it. Where that takes too long its
// error is os.ErrDeadlineExceeded.
func (c *Call) Read(p []byte) (int, error) {
	timeout := c.readTimeout
	if !c.answered {
		timeout = c.firstByteTimeout
	}
	for {
		if until, move := c.in.next(timeout); move {
			c.SetReadDeadline(until)
		}
		n, err := c.Conn.Read(p)
		if n > 0 {
			c.answered = true
		}
		if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) || !c.excused(timeout) {
			return n, err
		}
	}
}

// excused reports whether a silence is not the application's: it has not had the whole request for
// that long.
func (c *Call) excused(timeout time.Duration) bool {
	switch sent := c.sent.Load(); sent {
	case underWay:
		return true
	case 0:
		return false
	default:
		return time.Since(time.Unix(0, sent)) < timeout
	}
}

// Write writes p, as long as the application takes something within each WriteTimeout (see
// Socket.WriteAll).
func (c *Call) Write(p []byte) (int, error) {
	done := c.socket.WriteNow(p)
	if done == len(p) {
		return done, nil
	}
	n, err := c.socket.WriteAll(&net.Buffers{p[done:]}, c.writeTimeout, nil)
	return done + int(n), err
}

// deadline is the one that a connection has in one direction. One that was set serves until the
// next would be later by more than an eighth of the timeout: so a busy connection seldom sets one.
type deadline struct{ until time.Time }

// next returns the deadline of a wait that begins now, if it must be set. A timeout that is not
// positive is none.
func (d *deadline) next(timeout time.Duration) (until time.Time, move bool) {
	if timeout <= 0 {
		move = !d.until.IsZero()
		d.until = time.Time{}
		return d.until, move
	}
	earliest := time.Now().Add(timeout)
	latest := earliest.Add(timeout / 8)
	if d.until.Before(earliest) || d.until.After(latest) {
		d.until = latest
		return latest, true
	}
	return d.until, false
}
