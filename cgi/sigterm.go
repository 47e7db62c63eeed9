package cgi

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// errTerminated is the cause of a context that ended with SIGTERM. A web server sends that when it
// stops, and to a script that takes too long, so that the client may still be there.
var errTerminated = errors.New("cgi: SIGTERM")

// signalContext ends with SIGTERM, which is how a web server tells a script to stop. It catches the
// signal only once somebody asks for Done: that costs 0.25 ms, and an App that cannot stop half-way
// is better ended by the signal itself.
type signalContext struct {
	context.Context // the parent

	mu     sync.Mutex
	inner  context.Context // nil until Done was called
	cancel context.CancelCauseFunc
}

func (c *signalContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner == nil {
		c.inner, c.cancel = context.WithCancelCause(c.Context)
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGTERM)
		go c.wait(signals, c.inner.Done())
	}
	return c.inner.Done()
}

// wait gives the signal its usual effect back before it ends the context, so that whoever has seen
// the first SIGTERM is ended by the second; signal.NotifyContext leaves a moment in which one is
// lost.
func (c *signalContext) wait(signals chan os.Signal, done <-chan struct{}) {
	select {
	case <-signals:
	case <-done:
	}
	signal.Stop(signals)
	c.cancel(errTerminated)
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

// end lets wait end.
func (c *signalContext) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel(nil)
	}
}
