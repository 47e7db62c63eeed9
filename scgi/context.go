package scgi

import (
	"context"
	"sync"
	"time"
)

// requestContext is what a request's context derives from. It costs nothing until somebody asks for Done: only then is the
// connection watched, and the timer of RequestTimeout started.
type requestContext struct {
	context.Context // the server's
	deadline        time.Time
	socket          socket

	mu     sync.Mutex
	inner  context.Context
	cancel context.CancelFunc
	unwind func() // ends the watch
	ended  bool
}

func (c *requestContext) Deadline() (time.Time, bool) {
	if c.deadline.IsZero() {
		return c.Context.Deadline()
	}
	return c.deadline, true
}

func (c *requestContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.derive()
	}
	return c.inner.Done()
}

func (c *requestContext) derive() {
	if c.deadline.IsZero() {
		c.inner, c.cancel = context.WithCancel(c.Context)
	} else {
		c.inner, c.cancel = context.WithDeadline(c.Context, c.deadline)
	}
	if c.ended {
		c.cancel()
		return
	}
	c.unwind = c.socket.watch(c.cancel)
}

func (c *requestContext) Err() error {
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
func (c *requestContext) Value(key any) any {
	c.mu.Lock()
	ctx := c.inner
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.Context
	}
	return ctx.Value(key)
}

// end cancels the context: the peer has gone, or the request is over.
func (c *requestContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	if c.cancel != nil {
		c.cancel()
	}
}

// release is end for the last time: it also waits for the watch to end, so that the connection can be closed.
func (c *requestContext) release() {
	c.end()
	if c.unwind != nil {
		c.unwind()
	}
}
