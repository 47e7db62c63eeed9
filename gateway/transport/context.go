package transport

import (
	"context"
	"sync"
	"time"
)

// RequestContext is the context of one request, for the authors of transports. It costs nothing until somebody asks for Done: only
// then is the connection watched and the timer of the deadline started. Begin makes a zero one ready. Its methods may be called at
// the same time.
type RequestContext struct {
	context.Context // the connection's or the server's
	deadline        time.Time
	watcher         Watcher

	mu     sync.Mutex
	inner  context.Context
	cancel context.CancelFunc
	stop   func() // ends the watch; may be nil
	ended  bool
}

// Watcher finds out that a peer has gone.
type Watcher interface {
	// Watch has gone called, once, when the peer has gone away. It returns what ends the watch and waits for that, or nil.
	Watch(gone func()) (stop func())
}

// Begin makes c ready, before anybody else knows it. timeout, counted from now, is its deadline where it is positive. The watcher,
// which may be nil, is asked once, when Done first is.
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

func (c *RequestContext) derive() {
	if c.deadline.IsZero() {
		c.inner, c.cancel = context.WithCancel(c.Context)
	} else {
		c.inner, c.cancel = context.WithDeadline(c.Context, c.deadline)
	}
	switch {
	case c.ended:
		c.cancel()
	case c.watcher != nil:
		c.stop = c.watcher.Watch(c.cancel)
	}
}

// Err is context.Context's. It does not start the watch.
func (c *RequestContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.inner != nil:
		return c.inner.Err()
	case c.ended:
		return context.Canceled
	case !c.deadline.IsZero() && !time.Now().Before(c.deadline):
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}

// Value asks the derived context first: by that, package context links its children to it without a goroutine.
func (c *RequestContext) Value(key any) any {
	c.mu.Lock()
	ctx := c.inner
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.Context
	}
	return ctx.Value(key)
}

// End cancels the context: the peer has gone, or the request is over.
func (c *RequestContext) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

// Release is End for the last time: it also waits for the watch to end, so that the connection can be closed.
func (c *RequestContext) Release() {
	c.End()
	if c.stop != nil {
		c.stop()
	}
}
