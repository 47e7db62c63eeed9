package transport

import (
	"context"
	"runtime"
	"testing"
)

// A context that is asked late, derived from, and asked for values behaves as one made by package context.
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
	c.Release()
	<-child.Done()
	<-before.Done()
	if c.Err() != context.Canceled {
		t.Errorf("after its end: %v", c.Err())
	}
	late := new(RequestContext)
	late.Begin(parent, 0, nil)
	late.Release()
	if late.Err() != context.Canceled {
		t.Errorf("ended before anyone asked: %v", late.Err())
	}
	<-late.Done()
}
