package gateway

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClientGone is the [context.Cause] of a request whose web server aborted it or went away. A
// context that ended at a deadline or a shutdown has another cause.
var ErrClientGone = errors.New("gateway: the client went away")

// RequestContext is the context of one request, for the authors of transports. It costs nothing
// until Done is asked for: only then is the peer watched, the timer of the deadline started, and
// the parent's Done called, which lets a CGI program leave signals alone. Begin makes a zero one
// ready. Its methods may be called at the same time.
//
// [BaseCGIHandler.Run] gives the App a context that has a method End as it is, and calls End when
// the App has returned. Any other context it wraps in a RequestContext.
type RequestContext struct {
	context.Context // the parent
	deadline        time.Time
	watcher         Watcher

	mu     sync.Mutex
	inner  context.Context // nil until Done is asked for
	cancel func(cause error)
	stop   func() // ends the watch; may be nil
	err    error  // what Err returns once the context has ended
	cause  error  // why End was called, where it said so
}

// Watcher finds out that a peer has gone.
type Watcher interface {
	// Watch calls gone, once, when the peer has gone away. It returns a function that ends the
	// watch and waits for that, or nil.
	Watch(gone func()) (stop func())
}

// Begin makes c ready; it must be called before c is used. timeout, counted from now, is its
// deadline where it is positive. The watcher may be nil.
func (c *RequestContext) Begin(parent context.Context, timeout time.Duration, watcher Watcher) {
	c.Context, c.watcher = parent, watcher
	if timeout > 0 {
		c.deadline = time.Now().Add(timeout)
	}
}

// Deadline is context.Context's.
func (c *RequestContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

// Done is context.Context's.
func (c *RequestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.derive()
	}
	return c.inner.Done()
}

// derive makes the context that package context knows.
func (c *RequestContext) derive() {
	var cancel context.CancelCauseFunc
	c.inner, cancel = context.WithCancelCause(c.Context)
	c.cancel = cancel
	if !c.deadline.IsZero() {
		inner, stopTimer := context.WithDeadline(c.inner, c.deadline)
		c.inner = inner
		c.cancel = func(cause error) {
			cancel(cause)
			stopTimer()
		}
	}
	switch {
	case c.err != nil:
		c.cancel(c.cause)
	case c.watcher != nil:
		gone := c.cancel
		c.stop = c.watcher.Watch(func() { gone(ErrClientGone) })
	}
}

// Err is context.Context's. It does not start the watch.
func (c *RequestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.errLocked()
}

func (c *RequestContext) errLocked() error {
	switch {
	case c.err != nil:
		return c.err
	case c.inner != nil:
		return c.inner.Err()
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	case c.Context == nil: // before Begin
		return nil
	}
	return c.Context.Err()
}

// Value asks the derived context first: by that, package context links children to it without a
// goroutine, and finds the cause.
func (c *RequestContext) Value(key any) any {
	c.mu.Lock()
	if c.inner == nil && c.err != nil {
		c.derive()
	}
	ctx := cmp.Or(c.inner, c.Context)
	c.mu.Unlock()
	return ctx.Value(key)
}

// End cancels the context, with [ErrClientGone] as its cause where the peer has gone and nil where
// the request is over. Calls after the first do nothing. A context may end before Begin.
func (c *RequestContext) End(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	if c.cancel != nil {
		c.cancel(cause)
	}
	c.err, c.cause = cmp.Or(c.errLocked(), context.Canceled), cause
}

// Release is End for the last time. It also waits for the watch to end, so that the connection can
// be closed.
func (c *RequestContext) Release() {
	c.End(nil)
	if c.stop != nil {
		c.stop()
	}
}

// endable is a context that Run hands to an App as it is.
type endable interface {
	context.Context
	End(cause error)
}

// endableContext returns ctx where it is endable, and else own, begun with ctx as its parent.
func endableContext(ctx context.Context, own *RequestContext) endable {
	if e, ok := ctx.(endable); ok {
		return e
	}
	own.Begin(ctx, 0, nil)
	return own
}
