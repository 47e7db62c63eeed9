package fastcgi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// bodyMemory is how many unread bytes of a body are held in memory. It is enough for the forms of
// browsers.
const bodyMemory = 256 << 10

// errBodyCut is returned to an App that reads the body after the web server has aborted the request
// or disconnected within the body. It wraps context.Canceled too, so that it is not logged.
var errBodyCut = fmt.Errorf("fastcgi: request body broken off by the web server: %w: %w", io.ErrUnexpectedEOF, context.Canceled)

// errBodyLate is returned to an App when no more of its body has arrived within ReadTimeout.
var errBodyLate = fmt.Errorf("fastcgi: nothing more of the request body within ReadTimeout: %w: %w", io.ErrUnexpectedEOF, os.ErrDeadlineExceeded)

// body is a stream that the connection's reader writes and the App reads: STDIN, or DATA for a
// filter. Its methods may be called concurrently.
type body struct {
	request *request

	mu sync.Mutex
	// uses mu; signalled when bytes or the end arrive, and when the reader may go on; nil before
	// the first wait
	change  *sync.Cond
	held    *exchange.Spool // unread bytes; nil before the first ones
	surplus []byte          // the bytes after them that have no room in held; at most one inBuffer
	err     error           // what follows all bytes; nil while more may arrive
	closed  bool            // the App has returned
}

// wait waits for a change. The caller holds mu.
func (b *body) wait() {
	if b.change == nil {
		b.change = sync.NewCond(&b.mu)
	}
	b.change.Wait()
}

// signal reports a change to all that wait for one. The caller holds mu.
func (b *body) signal() {
	if b.change != nil {
		b.change.Broadcast()
	}
}

// handleBody handles a piece of the body, or of the file of a filter.
func (r *request) handleBody(b *body, p piece) error {
	c := r.conn
	switch {
	case !r.paramsEnded:
		return wire.Errorf("%s of request %d before the end of its PARAMS", streamName(p.Type), r.id)
	case p.ContentLength == 0:
		b.closeWrite(io.EOF)
		return nil
	}
	c.mu.Lock()
	hold := c.table.shared || r.data != nil // a filter may read its two streams in any order
	c.mu.Unlock()
	// the ready requests must run first, and an App that reads the connection must read its body
	if b.write(p.content, hold) || len(c.ready) > 0 || c.inBody != nil {
		return nil
	}
	return c.waitForRoom(r, b)
}

func streamName(t wire.RecordType) string {
	if t == wire.TypeData {
		return "DATA"
	}
	return "STDIN"
}

// write stores a piece, or drops it if it will not be read. With hold it stores everything, if
// necessary in a temporary file, because other requests must not wait for this one. Without hold it
// reports false if there is no room: then the reader must wait.
func (b *body) write(p []byte, hold bool) (taken bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed || b.err != nil {
		return true
	}
	if b.held == nil {
		b.held = b.request.newSpool()
	}
	switch {
	case hold:
		_, err := b.held.Write(append(b.surplus, p...))
		b.surplus, b.err = nil, b.holdError(err)
	case len(b.surplus) == 0:
		b.surplus = append(b.surplus, p[b.hold(p):]...)
	default:
		b.surplus = append(b.surplus, p...)
	}
	b.signal()
	return !b.mustWait()
}

// newSpool returns a spool for a body, within the request's share of the server's budget.
func (r *request) newSpool() *exchange.Spool {
	limits := r.conn.limits
	if r.share == nil {
		r.share = limits.budget.NewShare()
	}
	return &exchange.Spool{Share: r.share, MemoryBytes: bodyMemory, MaxBytes: max(r.conn.server.MaxBodyBytes, 0)}
}

// hold stores the beginning of p and returns how many bytes it has stored. It stores up to
// bodyMemory in all, and less if the budget has no room.
func (b *body) hold(p []byte) int {
	room := max(bodyMemory-b.held.Len(), 0)
	n, _ := b.held.Write(p[:min(int64(len(p)), room)]) // the caller keeps the rest as surplus
	return n
}

// holdError returns the error that the App reads after the held bytes when err, an error of the
// spool, has prevented that more is held.
func (b *body) holdError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exchange.ErrOverShare) && b.held.Len() >= b.held.Capacity():
		return &gateway.BodyTooLargeError{Limit: b.held.Capacity()}
	case errors.Is(err, exchange.ErrOverShare), errors.Is(err, exchange.ErrNoRoom):
		err = &gateway.ServerError{Status: 503, Reason: "the server has no room for the request body", Err: err}
	}
	return fmt.Errorf("fastcgi: hold the request body: %w", err)
}

// closeWrite sets the error that follows the bytes: io.EOF for a complete body. Only the first call
// has an effect.
func (b *body) closeWrite(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.signal()
}

// waitForRoom stops reading until the App of r, the only request of the connection, has read some
// of its body. Meanwhile it watches for a disconnect of the web server. Bytes that the server has
// sent before can still be read then.
func (c *conn) waitForRoom(r *request, b *body) error {
	for b.blocked() {
		c.mu.Lock()
		c.wait.stalled = r
		c.wait.set(time.Time{})
		c.mu.Unlock()
		gone, err := c.reader.socket.WaitGone(func() bool { return !b.blocked() })
		c.mu.Lock()
		c.wait.stalled, c.wait.woken = nil, false
		c.mu.Unlock()
		if gone {
			r.ctx.End(gateway.ErrClientGone)
		}
		switch {
		case gone || errors.Is(err, errors.ErrUnsupported):
			b.waitUnwatched()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // wakeReader sets the deadline
			return err
		}
	}
	return nil
}

// wakeReader wakes the reader if it waits for a body of r, or for room in it.
func (c *conn) wakeReader(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wait.wake(r)
}

// blocked reports whether the reader must wait.
func (b *body) blocked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mustWait()
}

// mustWait is blocked for a caller that holds mu.
func (b *body) mustWait() bool { return len(b.surplus) > 0 && !b.closed && b.err == nil }

// waitUnwatched waits until the reader may go on, without a watch of the connection.
func (b *body) waitUnwatched() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.mustWait() {
		b.wait()
	}
}

// Read implements io.Reader for the App. If it has to wait, and no other goroutine reads the
// connection, it reads that itself: another goroutine would cost a sixth of the CPU time of a POST
// of 64 KB.
func (b *body) Read(p []byte) (int, error) {
	n, err, wait := b.tryRead(p)
	if !wait {
		return n, err
	}
	c := b.request.conn
	if c.handoff.claim(b.request) {
		if c.readBody(b) && c.handoff.release(b.request) {
			c.server.handoffs.add(&c.handoff)
		}
		if n, err, wait = b.tryRead(p); !wait {
			return n, err
		}
	}
	return b.waitAndRead(p)
}

// readBody reads the connection until b has bytes or an end, and handles all records that arrive.
// It reports false if reading has ended.
func (c *conn) readBody(b *body) bool {
	c.inBody = b
	defer c.unboundBodyWait()
	for {
		err := c.handleBuffered()
		c.startReady()
		if err == nil {
			if !b.isEmpty() {
				return true
			}
			err = c.waitForMore()
		}
		switch err {
		case nil, errWoken:
		case errBodyLate:
			b.closeWrite(err)
		default:
			c.stopReading(err)
			return false
		}
	}
}

// isEmpty reports whether a Read has to wait.
func (b *body) isEmpty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.empty()
}

// waitAndRead waits until bytes or the end arrive, for ReadTimeout at most, and reads them.
func (b *body) waitAndRead(p []byte) (int, error) {
	if bound := b.request.conn.limits.readTimeout; bound > 0 {
		late := time.AfterFunc(bound, func() { b.closeWrite(errBodyLate) })
		defer late.Stop()
	}
	b.mu.Lock()
	for b.empty() {
		b.wait()
	}
	b.mu.Unlock()
	n, err, _ := b.tryRead(p)
	return n, err
}

// empty reports whether a Read has to wait. The caller holds mu.
func (b *body) empty() bool {
	return (b.held == nil || b.held.Len() == 0) && len(b.surplus) == 0 && b.err == nil && !b.closed
}

// tryRead reads without waiting; wait reports that the caller must wait first. It wakes a reader
// that waits for room if there is room now.
func (b *body) tryRead(p []byte) (n int, err error, wait bool) {
	b.mu.Lock()
	if b.empty() {
		b.mu.Unlock()
		return 0, nil, true
	}
	waiting := b.mustWait()
	n, err = b.readNow(p)
	if waiting && !b.mustWait() {
		b.signal()
		defer b.request.conn.wakeReader(b.request)
	}
	b.mu.Unlock()
	return n, err, false
}

// readNow reads the next bytes, or returns the error that follows them. The caller holds mu, and
// the body is not empty.
func (b *body) readNow(p []byte) (n int, err error) {
	switch {
	case b.closed:
		return 0, gateway.ErrFinished
	case b.held != nil && b.held.Len() > 0:
		if n, err = b.held.Read(p); err != nil {
			err = b.holdError(err)
		}
	case len(b.surplus) > 0:
		n = copy(p, b.surplus)
		b.surplus = b.surplus[n:]
	default:
		return 0, b.err
	}
	// refill held only when it is half empty: doing so for every byte would be slow
	if len(b.surplus) > 0 && b.held.Len() <= bodyMemory/2 {
		b.surplus = b.surplus[b.hold(b.surplus):]
	}
	return n, err
}

// closeRead is called when the App has returned. A Read under way fails, and the rest of the body
// is dropped.
func (b *body) closeRead() {
	b.mu.Lock()
	b.closed, b.surplus = true, nil
	if b.held != nil {
		b.held.Close()
	}
	b.signal()
	b.mu.Unlock()
	b.request.conn.wakeReader(b.request)
}
