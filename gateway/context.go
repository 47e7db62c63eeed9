package gateway

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"
)

// ErrClientGone is the [context.Cause] of a request that the web server aborted, or whose web
// server closed the connection. A context that ended at a deadline or at a shutdown has another
// cause.
var ErrClientGone = errors.New("gateway: the client went away")

// RequestContext is the context of one request; authors of transports use it. Its work starts at
// the first call of Done: only then does it watch the peer, start the timer of the deadline, and
// call the parent's Done. So a CGI program that never calls Done need not handle signals. Begin
// must be called before use. The methods are safe for concurrent use.
//
// If the context of [BaseCGIHandler.Run] has a method End, Run hands that context to the App and
// calls End when the App has returned. It wraps any other context in a RequestContext.
type RequestContext struct {
	context.Context // the parent
	deadline        time.Time
	watcher         Watcher

	mu    sync.Mutex
	inner *innerContext // nil before the first call of Done
	after *afterEnd     // nil before the first call of AfterFunc
	err   error         // what Err returns once the context has ended
	cause error         // the argument of End
}

// innerContext is a context of package context. Most Apps never call Done, so it is no part of the
// memory of a RequestContext.
type innerContext struct {
	context.Context
	cancel func(cause error)
	stop   func() // ends the watch; may be nil
}

// Watcher detects that a peer has gone.
type Watcher interface {
	// Watch starts a watch that calls gone once, when the peer has gone away. It returns a function
	// that stops the watch and waits until it has stopped. The function may be nil.
	Watch(gone func()) (stop func())
}

// Begin sets the parent, the timeout and the watcher of c; it must be called before c is used. A
// positive timeout, counted from now, sets the deadline. The watcher may be nil.
func (c *RequestContext) Begin(parent context.Context, timeout time.Duration, watcher Watcher) {
	c.mu.Lock() // another goroutine may call End
	defer c.mu.Unlock()
	c.Context, c.watcher = parent, watcher
	if timeout > 0 {
		c.deadline = time.Now().Add(timeout)
	}
}

// Deadline implements [context.Context].
func (c *RequestContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

// Done implements [context.Context].
func (c *RequestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.derive()
	}
	return c.inner.Done()
}

// derive creates inner, a context of package context, and starts the watch.
func (c *RequestContext) derive() {
	ctx, cancel := context.WithCancelCause(c.Context)
	c.inner = &innerContext{Context: ctx, cancel: cancel}
	if !c.deadline.IsZero() {
		timed, stopTimer := context.WithDeadline(ctx, c.deadline)
		c.inner.Context = timed
		c.inner.cancel = func(cause error) {
			cancel(cause)
			stopTimer()
		}
	}
	switch {
	case c.err != nil:
		c.inner.cancel(c.cause)
	case c.watcher != nil:
		gone := c.inner.cancel
		c.inner.stop = c.watcher.Watch(func() { gone(ErrClientGone) })
	}
}

// Err implements [context.Context]. It does not start the watch.
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
	case c.Context == nil: // Begin was not called yet
		return nil
	}
	return c.Context.Err()
}

// Value implements [context.Context]. It asks the inner context first, so that package context
// finds the cause, and links child contexts without a goroutine.
func (c *RequestContext) Value(key any) any {
	c.mu.Lock()
	if c.inner == nil && c.err != nil {
		c.derive()
	}
	ctx := c.Context
	if c.inner != nil {
		ctx = c.inner.Context
	}
	c.mu.Unlock()
	return ctx.Value(key)
}

// End cancels the context. cause is [ErrClientGone] if the peer has gone, and nil if the request is
// over. Calls after the first have no effect. End may be called before Begin, and at the same time.
func (c *RequestContext) End(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cancelLocked(cause)
}

func (c *RequestContext) cancelLocked(cause error) {
	if c.err != nil {
		return
	}
	if c.inner != nil {
		c.inner.cancel(cause)
	}
	c.err, c.cause = cmp.Or(c.errLocked(), context.Canceled), cause
	if c.after != nil {
		c.after.callNow()
	}
}

// Release ends the context and waits until the watch has stopped, so that the connection can be
// closed.
func (c *RequestContext) Release() {
	c.mu.Lock()
	c.cancelLocked(nil)
	inner := c.inner // a goroutine of the App may call Done now, which then starts no watch
	c.mu.Unlock()
	if inner != nil && inner.stop != nil {
		inner.stop()
	}
}

// endable is a context that Run hands to an App without a wrapper.
type endable interface {
	context.Context
	End(cause error)
}

// endableContext returns ctx if it is endable. Otherwise it begins own with ctx as its parent and
// returns own. It makes one if own is nil.
func endableContext(ctx context.Context, own *RequestContext) endable {
	if e, ok := ctx.(endable); ok {
		return e
	}
	if own == nil {
		own = new(RequestContext)
	}
	own.Begin(ctx, 0, nil)
	return own
}
