package cgi

import (
	"context"
	"os/signal"
	"sync"
	"syscall"
)

// signalContext ends with SIGTERM, which is how a web server tells a script to stop. It catches the signal only once somebody
// asks for Done: that costs 0.25 ms and an App that cannot stop half-way is better ended by the signal itself.
type signalContext struct {
	context.Context // the parent

	mu    sync.Mutex
	inner context.Context // nil until Done was called
	stop  context.CancelFunc
}

func (c *signalContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.stop = signal.NotifyContext(c.Context, syscall.SIGTERM)
		context.AfterFunc(c.inner, c.stop) // so that a second SIGTERM ends the process
	}
	return c.inner.Done()
}

func (c *signalContext) Err() error { return c.current().Err() }

func (c *signalContext) Value(key any) any { return c.current().Value(key) }

func (c *signalContext) current() context.Context {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		return c.Context
	}
	return c.inner
}

// end gives the signal its usual effect again.
func (c *signalContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stop != nil {
		c.stop()
	}
}
