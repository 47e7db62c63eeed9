package cgi

import (
	"context"
	"errors"
	"testing"
)

type key struct{}

// TestSignalContext: the context equals its parent until Done is called, and follows it after that.
func TestSignalContext(t *testing.T) {
	cause := errors.New("shutdown")
	parent, cancel := context.WithCancelCause(context.WithValue(t.Context(), key{}, "value"))
	defer cancel(nil)
	c := &signalContext{Context: parent}
	if c.Err() != nil || c.Value(key{}) != "value" || c.inner != nil {
		t.Errorf("before Done: got %v, %v, %v; want no error, the value, no signals", c.Err(), c.Value(key{}), c.inner)
	}
	done := c.Done()
	if c.Done() != done || c.Value(key{}) != "value" || c.Err() != nil {
		t.Errorf("after Done: got %v, %v; want one channel, the value, no error", c.Value(key{}), c.Err())
	}
	cancel(cause)
	<-done
	if c.Err() != context.Canceled || context.Cause(c) != cause {
		t.Errorf("got %v, %v; want context canceled, %v", c.Err(), context.Cause(c), cause)
	}
}

func TestSignalContextEnd(t *testing.T) {
	unused := &signalContext{Context: t.Context()}
	unused.stop()
	if unused.Err() != nil {
		t.Errorf("unused: got %v; want no error", unused.Err())
	}
	c := &signalContext{Context: t.Context()}
	done := c.Done()
	c.stop()
	<-done
}
