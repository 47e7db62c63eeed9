package gateway

import (
	"context"
	"sync/atomic"
)

// AfterFunc calls f in a goroutine of its own when the context has ended, as [context.AfterFunc]
// does, and stop works as it does there. The first call costs less: if there is neither a deadline
// nor a watcher, it makes no context of package context, which Done would make.
func (c *RequestContext) AfterFunc(f func()) (stop func() bool) {
	if a := c.watchParent(f); a != nil {
		return a.stop
	}
	return context.AfterFunc(c, f)
}

// watchParent makes f wait for the end of the parent and for End. It returns nil if c may also end
// by a deadline or a watcher, which need Done, if Done was called already, and for a second f.
func (c *RequestContext) watchParent(f func()) *afterEnd {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.inner != nil || c.after != nil || c.err != nil || c.watcher != nil || !c.deadline.IsZero() {
		return nil
	}
	c.after = &afterEnd{context: c, f: f}
	c.after.stopParent = context.AfterFunc(c.Context, c.after.run)
	return c.after
}

// afterEnd is a call of a function at the end of a RequestContext: the end of its parent, or End.
type afterEnd struct {
	context    *RequestContext
	f          func()
	stopParent func() bool
	claimed    atomic.Bool // f is called, or will never be
}

// run calls f. If Done has made a context meanwhile, which learns of the end of the parent
// independently of this call, run waits for it first: Err and the cause must be set when f runs.
func (a *afterEnd) run() {
	if !a.claimed.CompareAndSwap(false, true) {
		return
	}
	a.context.mu.Lock()
	inner := a.context.inner
	a.context.mu.Unlock()
	if inner != nil {
		<-inner.Done()
	}
	a.f()
}

func (a *afterEnd) stop() bool {
	a.stopParent()
	return a.claimed.CompareAndSwap(false, true)
}

// callNow calls f, unless it was called or stopped.
func (a *afterEnd) callNow() {
	if !a.claimed.Load() {
		a.stopParent()
		go a.run()
	}
}
