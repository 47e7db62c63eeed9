package gateway

import (
	"context"
	"testing"
	"time"
)

// TestContextAfterFunc: the function is called once at each kind of end, when Err and the cause
// tell it, and not after stop.
func TestContextAfterFunc(t *testing.T) {
	for _, test := range []struct {
		name    string
		end     func(c *RequestContext, w *watched, parent context.CancelCauseFunc)
		watched bool
		cause   error
	}{
		{"the parent ends", func(_ *RequestContext, _ *watched, parent context.CancelCauseFunc) { parent(ErrBroken) }, false, ErrBroken},
		{"the request ends", func(c *RequestContext, _ *watched, _ context.CancelCauseFunc) { c.End(ErrBroken) }, false, ErrBroken},
		{"the request is over", func(c *RequestContext, _ *watched, _ context.CancelCauseFunc) { c.Release() }, false, context.Canceled},
		{"the peer goes away", func(_ *RequestContext, w *watched, _ context.CancelCauseFunc) { w.gone() }, true, ErrClientGone},
	} {
		t.Run(test.name, func(t *testing.T) {
			parent, end := context.WithCancelCause(context.Background())
			defer end(nil)
			c, w := new(RequestContext), new(watched)
			var watcher Watcher
			if test.watched {
				watcher = w
			}
			c.Begin(parent, 0, watcher)
			causes := make(chan error, 3)
			note := func() {
				if c.Err() == nil {
					t.Error("Err is nil")
				}
				causes <- context.Cause(c)
			}
			stopFirst := c.AfterFunc(note)
			stopped := c.AfterFunc(func() { t.Error("called after stop") })
			c.AfterFunc(note)
			if !stopped() || stopped() {
				t.Error("the first stop has to return true, and the second false")
			}
			test.end(c, w, end)
			for range 2 {
				if got := <-causes; got != test.cause {
					t.Errorf("got the cause %v; want %v", got, test.cause)
				}
			}
			if stopFirst() {
				t.Error("stop after the end has to return false")
			}
			late := make(chan struct{})
			c.AfterFunc(func() { close(late) })
			<-late
			c.Release()
		})
	}
}

// TestContextAfterFuncStopped: stop ends the watch of the parent, and the end calls nothing.
func TestContextAfterFuncStopped(t *testing.T) {
	parent, end := context.WithCancelCause(context.Background())
	c := new(RequestContext)
	c.Begin(parent, 0, nil)
	stop := c.AfterFunc(func() { t.Error("called after stop") })
	if !stop() || stop() {
		t.Error("the first stop has to return true, and the second false")
	}
	c.End(nil)
	end(nil)
	<-c.Done()
}

// TestContextAfterFuncDeadline: the deadline is an end too.
func TestContextAfterFuncDeadline(t *testing.T) {
	c := new(RequestContext)
	c.Begin(context.Background(), time.Nanosecond, nil)
	called := make(chan struct{})
	c.AfterFunc(func() { close(called) })
	<-called
	if cause := context.Cause(c); cause != context.DeadlineExceeded {
		t.Errorf("got the cause %v", cause)
	}
	c.Release()
}

// TestContextAfterFuncCost: the watch makes no context of package context.
func TestContextAfterFuncCost(t *testing.T) {
	parent, end := context.WithCancel(context.Background())
	defer end()
	costs := func(after func(context.Context, func()) func() bool) float64 {
		return testing.AllocsPerRun(100, func() {
			c := new(RequestContext)
			c.Begin(parent, 0, nil)
			after(c, func() {})()
			c.Release()
		})
	}
	own := costs(func(ctx context.Context, f func()) func() bool { return ctx.(*RequestContext).AfterFunc(f) })
	usual := costs(context.AfterFunc)
	if own > usual-3 {
		t.Errorf("got %v allocations; context.AfterFunc needs %v", own, usual)
	}
}
