package gateway

import (
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"
)

// A RequestContext behaves like a context of package context: after its end, as a parent, and for
// values.
func TestContextIsOneOfItsKind(t *testing.T) {
	type key struct{}
	parent := context.WithValue(context.Background(), key{}, "value")
	c := new(RequestContext)
	c.Begin(parent, 0, nil)
	before, stopBefore := context.WithCancel(c)
	defer stopBefore()
	if c.Value(key{}) != "value" || c.Err() != nil || before.Err() != nil {
		t.Errorf("a fresh context: value %v, errors %v, %v", c.Value(key{}), c.Err(), before.Err())
	}
	goroutines := runtime.NumGoroutine()
	child, stop := context.WithCancel(c)
	defer stop()
	if n := runtime.NumGoroutine(); n != goroutines {
		t.Errorf("a child took %d goroutines", n-goroutines)
	}
	c.End(ErrClientGone)
	<-child.Done()
	<-before.Done()
	if c.Err() != context.Canceled {
		t.Errorf("after its end: %v", c.Err())
	}
	for name, got := range map[string]context.Context{"itself": c, "a child": child, "a child made before": before} {
		if cause := context.Cause(got); cause != ErrClientGone {
			t.Errorf("the cause of %s: %v; want ErrClientGone", name, cause)
		}
	}
	late := new(RequestContext)
	late.Begin(parent, 0, nil)
	late.End(ErrClientGone)
	if late.Err() != context.Canceled || context.Cause(late) != ErrClientGone {
		t.Errorf("ended before anyone asked: %v, %v", late.Err(), context.Cause(late))
	}
	<-late.Done()
}

// watched is a peer that goes away on command.
type watched struct {
	gone    func()
	stopped bool
}

func (w *watched) Watch(gone func()) func() {
	w.gone = gone
	return func() { w.stopped = true }
}

// TestContextCause: the cause of the context tells an App why its request has ended.
func TestContextCause(t *testing.T) {
	broken := errors.New("broken")
	for _, test := range []struct {
		name      string
		timeout   time.Duration
		end       func(c *RequestContext, w *watched)
		err, want error
	}{
		{"the peer went away", 0, func(_ *RequestContext, w *watched) { w.gone() }, context.Canceled, ErrClientGone},
		{"the peer went away before a deadline", time.Hour, func(_ *RequestContext, w *watched) { w.gone() }, context.Canceled, ErrClientGone},
		{"the deadline", time.Nanosecond, func(c *RequestContext, _ *watched) { <-c.Done() }, context.DeadlineExceeded, context.DeadlineExceeded},
		{"the request is over", 0, func(c *RequestContext, _ *watched) { c.Release() }, context.Canceled, context.Canceled},
		{"the transport's reason", 0, func(c *RequestContext, _ *watched) { c.End(broken) }, context.Canceled, broken},
		{"the first reason", 0, func(c *RequestContext, _ *watched) { c.End(broken); c.End(ErrClientGone) }, context.Canceled, broken},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, w := new(RequestContext), new(watched)
			c.Begin(context.Background(), test.timeout, w)
			done := c.Done()
			test.end(c, w)
			<-done
			if err, cause := c.Err(), context.Cause(c); err != test.err || cause != test.want {
				t.Errorf("got %v, %v; want %v, %v", err, cause, test.err, test.want)
			}
			c.Release()
			if !w.stopped {
				t.Error("the watch goes on")
			}
		})
	}
}

// TestRunTakesAContext: an App gets the transport's lazy context itself. Any other context is
// wrapped in one that ends with the request.
func TestRunTakesAContext(t *testing.T) {
	lazy := new(RequestContext)
	lazy.Begin(context.Background(), 0, nil)
	for _, ctx := range []context.Context{lazy, context.Background()} {
		var got context.Context
		h := BaseCGIHandler{Environ: environ(), Stdout: io.Discard}
		err := h.Run(ctx, AppFunc(func(_ ResponseWriter, r *Request) error {
			got = r.Context()
			return nil
		}))
		if err != nil || got.Err() != context.Canceled || ctx == context.Context(lazy) && got != ctx {
			t.Errorf("got %v, a %T with %v", err, got, got.Err())
		}
	}
}

// TestContextEndsAtBegin: one goroutine ends the context while another begins it, as on a
// connection of several requests that breaks.
func TestContextEndsAtBegin(t *testing.T) {
	for range 100 {
		c, ended := new(RequestContext), make(chan struct{})
		go func() {
			defer close(ended)
			c.End(ErrClientGone)
		}()
		c.Begin(context.Background(), time.Hour, nil)
		<-ended
		if c.Err() != context.Canceled || context.Cause(c) != ErrClientGone {
			t.Fatalf("got %v, cause %v", c.Err(), context.Cause(c))
		}
	}
}
