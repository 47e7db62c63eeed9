package cgi

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// errTerminated is the cause of a context that SIGTERM has ended. It does not mean that the client
// has gone: a web server sends SIGTERM when it stops, and to a script that takes too long.
var errTerminated = errors.New("cgi: SIGTERM")

// signalContext is a context that SIGTERM ends. It catches the signal only after Done was called:
// catching costs 0.25 ms, and an App that does not watch its context should be ended by the signal
// itself.
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

// wait waits for SIGTERM. It restores the usual effect of the signal before it ends the context, so
// that a second SIGTERM always ends the process. signal.NotifyContext does it in the other order,
// and a second signal in between is lost.
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

// stop stops wait.
func (c *signalContext) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel(nil)
	}
}
