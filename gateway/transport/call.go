package transport

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// Call is a connection to an application: a net.Conn with the timeouts of the Dialer. One goroutine
// may read and one may write at the same time. The methods of the embedded net.Conn, other than
// Read and Write, have no timeout.
type Call struct {
	net.Conn
	socket           Socket
	firstByteTimeout time.Duration // negative: no bound; the same for the next two
	readTimeout      time.Duration
	writeTimeout     time.Duration
	isFallback       bool

	in       deadline
	answered bool
	// time when the request was sent, in nanoseconds since 1970; underWay while it is being sent
	sent atomic.Int64
}

func (d *Dialer) newCall(nc net.Conn) *Call {
	c := &Call{
		Conn:             nc,
		socket:           Socket{nc: nc},
		firstByteTimeout: cmp.Or(d.FirstByteTimeout, defaultCallTimeout),
		readTimeout:      cmp.Or(d.ReadTimeout, defaultCallTimeout),
		writeTimeout:     cmp.Or(d.WriteTimeout, defaultCallTimeout),
	}
	c.socket.initRaw()
	return c
}

// WatchContext calls f in a goroutine of its own when ctx has ended, as context.AfterFunc does, and
// stop works as it does there. The watch of the context of a request costs less this way: see
// gateway.RequestContext.
func WatchContext(ctx context.Context, f func()) (stop func() bool) {
	if r, ok := ctx.(interface{ AfterFunc(func()) func() bool }); ok {
		return r.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}

// IsFallback reports whether the connection leads to an address of Dialer.Fallback. A client does
// not keep it for later requests, so that they find out when Addr can be reached again.
func (c *Call) IsFallback() bool { return c.isFallback }

// On returns a Call on nc with the timeouts of c. A client uses it for each of several exchanges
// that share a connection.
func (c *Call) On(nc net.Conn) *Call {
	on := &Call{
		Conn:             nc,
		socket:           Socket{nc: nc},
		firstByteTimeout: c.firstByteTimeout,
		readTimeout:      c.readTimeout,
		writeTimeout:     c.writeTimeout,
	}
	on.socket.initRaw()
	return on
}

// Begin begins the next exchange on a connection that was kept open. It must not be called while
// Read or Write runs.
func (c *Call) Begin() {
	c.answered = false
	c.sent.Store(0)
}

// Answered reports whether a byte was read since Begin. Only the goroutine that reads may call it.
func (c *Call) Answered() bool { return c.answered }

// Quiet reports whether nothing has arrived since the last exchange, as [Socket.Quiet] does.
func (c *Call) Quiet() bool { return c.socket.Quiet() }

const underWay = -1

// Sending tells c that another goroutine is sending the body. Until Sent, a silent application may
// be waiting for the body, so that only WriteTimeout bounds the exchange.
func (c *Call) Sending() { c.sent.Store(underWay) }

// Sent tells c that the whole request was sent.
func (c *Call) Sent() { c.sent.Store(time.Now().UnixNano()) }

// Read reads the answer. If the first byte does not arrive within FirstByteTimeout, or further
// bytes not within ReadTimeout, the error is os.ErrDeadlineExceeded.
func (c *Call) Read(p []byte) (int, error) {
	timeout := c.readTimeout
	if !c.answered {
		timeout = c.firstByteTimeout
	}
	for {
		if until, move := c.in.renew(timeout); move {
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

// ReadNow reads what has arrived into p, and if that is full, more into q, by one system call. It
// returns the number of bytes in both. It does not wait, whatever the timeouts are, and returns no
// error: the next Read returns it. It returns 0 if the system is not Linux, or the connection is
// not a socket of the system.
func (c *Call) ReadNow(p, q []byte) int { return c.socket.readBothNow(p, q) }

// excused reports whether a silence of timeout is not the application's fault, because the whole
// request was sent less than timeout ago.
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

// Write writes p. It fails when the application takes no bytes for WriteTimeout (see
// Socket.WriteAll).
func (c *Call) Write(p []byte) (int, error) {
	done := c.socket.WriteNow(p)
	if done == len(p) {
		return done, nil
	}
	n, err := c.socket.WriteAll(&net.Buffers{p[done:]}, c.writeTimeout, nil)
	return done + int(n), err
}

// deadline is the deadline of a connection in one direction. It is set up to an eighth of the
// timeout later than asked for, and moved only when a wait needs a later one, so that a busy
// connection seldom sets one.
type deadline struct{ until time.Time }

// renew returns the deadline of a wait that begins now, and whether it must be set. A timeout of
// zero or less is no bound.
func (d *deadline) renew(timeout time.Duration) (until time.Time, move bool) {
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
