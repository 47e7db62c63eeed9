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

// bodyMemory is how many bytes of a body are held in memory until its App reads them: enough for
// the forms of browsers.
const bodyMemory = 256 << 10

// errBodyCut is what the App reads where the web server aborted the request or went away within the
// body. It is a context.Canceled too, so that it is not logged.
var errBodyCut = fmt.Errorf("fastcgi: request body broken off by the web server: %w: %w", io.ErrUnexpectedEOF, context.Canceled)

// errBodyLate is what the App reads where the next piece of its body has not come in time.
var errBodyLate = fmt.Errorf("fastcgi: nothing more of the request body within ReadTimeout: %w: %w", io.ErrUnexpectedEOF, os.ErrDeadlineExceeded)

// body is a stream on its way from the connection's reader to the App: STDIN, or DATA for a filter.
// Its methods may be called at the same time.
type body struct {
	request *request

	mu      sync.Mutex
	change  sync.Cond       // waits on mu: for bytes, their end, or that the reader may go on
	held    *exchange.Spool // bytes that were not read yet; nil before the first ones
	surplus []byte          // those after, which have no room, at most a buffer of the reader
	err     error           // after all of them; nil while more may come
	closed  bool            // the App has returned
}

func (b *body) init(r *request) {
	b.request = r
	b.change.L = &b.mu
}

// handleBody takes a piece of the body, or of the file of a filter.
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
	hold := c.table.shared || r.data != nil // a filter may read either stream first
	c.mu.Unlock()
	if b.write(p.content, hold) || len(c.ready) > 0 { // these must run first
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

// write takes a piece, or drops it where it will not be read. With hold all of it is held, in a
// temporary file if need be, since other requests must not wait for this one. Without, write
// reports false where there is no room: then the reader must wait.
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
	b.change.Broadcast()
	return !b.mustWait()
}

// newSpool returns what holds a body, within the request's share of the server's budget.
func (r *request) newSpool() *exchange.Spool {
	limits := r.conn.limits
	if r.share == nil {
		r.share = limits.budget.NewShare()
	}
	return &exchange.Spool{Share: r.share, MemoryBytes: bodyMemory, MaxBytes: max(r.conn.server.MaxBodyBytes, 0)}
}

// hold holds the beginning of p, as far as there is room and up to bodyMemory in all, and returns
// how much that is.
func (b *body) hold(p []byte) int {
	room := max(bodyMemory-b.held.Len(), 0)
	n, _ := b.held.Write(p[:min(int64(len(p)), room)]) // what has no room becomes surplus
	return n
}

// holdError is the error that follows what was held of a body, where err kept more from being held.
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

// closeWrite says what comes after the bytes: io.EOF for a whole body. Only the first call counts.
func (b *body) closeWrite(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.change.Broadcast()
}

// waitForRoom waits until r has read some of its body: a request that is alone on its connection is
// read no further. That the web server goes away is seen meanwhile; what it has sent can still be
// read after that.
func (c *conn) waitForRoom(r *request, b *body) error {
	for b.blocked() {
		c.mu.Lock()
		c.wait.stalled = r
		c.wait.set(time.Time{})
		c.mu.Unlock()
		gone, err := c.reader.socket.WaitGone(func() bool { return !b.blocked() })
		c.mu.Lock()
		c.wait.stalled = nil
		c.mu.Unlock()
		if gone {
			r.ctx.End(gateway.ErrClientGone)
		}
		switch {
		case gone || errors.Is(err, errors.ErrUnsupported):
			b.waitUnwatched()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // of endWaitForRoom
			return err
		}
	}
	return nil
}

// endWaitForRoom wakes a reader that waits for r.
func (c *conn) endWaitForRoom(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.wait.stalled == r {
		c.wait.set(longAgo)
	}
}

// blocked reports whether the reader must wait.
func (b *body) blocked() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.mustWait()
}

func (b *body) mustWait() bool { return len(b.surplus) > 0 && !b.closed && b.err == nil }

// waitUnwatched is for a reader that cannot watch the connection meanwhile.
func (b *body) waitUnwatched() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.mustWait() {
		b.change.Wait()
	}
}

// Read implements io.Reader for the App.
func (b *body) Read(p []byte) (int, error) {
	n, err, wait := b.take(p)
	if wait {
		b.request.conn.handoff.handOff(b.request)
		n, err = b.waitAndTake(p)
	}
	return n, err
}

// waitAndTake waits until there is something.
func (b *body) waitAndTake(p []byte) (int, error) {
	if bound := b.request.conn.limits.readTimeout; bound > 0 {
		late := time.AfterFunc(bound, func() { b.closeWrite(errBodyLate) })
		defer late.Stop()
	}
	b.mu.Lock()
	for b.empty() {
		b.change.Wait()
	}
	b.mu.Unlock()
	n, err, _ := b.take(p)
	return n, err
}

// empty reports whether a Read has to wait. The caller holds mu.
func (b *body) empty() bool {
	return (b.held == nil || b.held.Len() == 0) && len(b.surplus) == 0 && b.err == nil && !b.closed
}

// take reads what is there; wait says that nothing is yet. It wakes the reader where that may go
// on.
func (b *body) take(p []byte) (n int, err error, wait bool) {
	b.mu.Lock()
	if b.empty() {
		b.mu.Unlock()
		return 0, nil, true
	}
	waits := b.mustWait()
	n, err = b.readNow(p)
	if waits && !b.mustWait() {
		b.change.Broadcast()
		defer b.request.conn.endWaitForRoom(b.request)
	}
	b.mu.Unlock()
	return n, err, false
}

// readNow reads what is there. The caller holds mu.
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
	// not for every byte, which would be slow
	if len(b.surplus) > 0 && b.held.Len() <= bodyMemory/2 {
		b.surplus = b.surplus[b.hold(b.surplus):]
	}
	return n, err
}

// closeRead says that the App has returned: a Read under way fails, and the rest of the body is
// dropped.
func (b *body) closeRead() {
	b.mu.Lock()
	b.closed, b.surplus = true, nil
	if b.held != nil {
		b.held.Close()
	}
	b.change.Broadcast()
	b.mu.Unlock()
	b.request.conn.endWaitForRoom(b.request)
}
