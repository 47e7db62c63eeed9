package exchange

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Line is a queue of requests for a limited number of slots: first come, first served. Its zero
// value is ready. The methods are safe for concurrent use, but a Line must not be copied.
//
// An owner that only limits a number uses Enter and Leave, and struct{} as T. An owner that passes
// a value with the slot to a waiting request, such as an open connection, uses the type of the
// value as T, and the other methods. These must be called with the Line locked. Thus the owner can
// protect its own data, such as a list of idle connections, by the same lock.
type Line[T any] struct {
	sync.Mutex // guards the Line and data of its owner

	taken   int
	waiting []chan grant[T] // each of capacity 1, the longest wait first
	closed  error
}

// grant ends a wait: with a slot and a value, or with the error for which the Line was closed.
type grant[T any] struct {
	value T
	err   error
}

// LineBounds limits how many requests may have a slot and how many may wait. It is an argument of
// each call, because the owner's fields that hold the limits may be set after the Line was created.
// It should be the same each time.
type LineBounds struct {
	Slots int // taken at the same time; zero and negative mean no limit
	// requests that may wait; zero means no limit, negative means that no request waits
	Waiting int
	Timeout time.Duration // of one wait; zero and negative mean no limit
}

// Errors of a request that got no slot. Other errors are the cause of its context and the error
// given to Close.
var (
	ErrLineFull    = errors.New("all slots are taken, and no more requests may wait")
	ErrLineTimeout = errors.New("all slots were taken for as long as a request may wait")
)

// Enter takes a slot, and waits for one if all are taken. If the error is nil, Leave must follow.
// The Line must not be locked.
//
// The error is ErrLineFull, ErrLineTimeout, the error given to Close, or context.Cause(ctx). If a
// slot is free, Enter does not check ctx; the caller must do so before it uses the slot.
func (l *Line[T]) Enter(ctx context.Context, b LineBounds) (T, error) {
	l.Lock()
	turn, err := l.Join(b)
	l.Unlock()
	if err != nil {
		var none T
		return none, err
	}
	return turn.Wait(ctx)
}

// Leave releases a slot. The Line must not be locked.
func (l *Line[T]) Leave() {
	l.Lock()
	defer l.Unlock()
	l.Release()
}

// Join takes a slot or, if all are taken, a place at the end of the queue. The Wait of the returned
// Turn must be called in both cases. The error is ErrLineFull or the error given to Close. The Line
// must be locked.
func (l *Line[T]) Join(b LineBounds) (Turn[T], error) {
	switch {
	case l.closed != nil:
		return Turn[T]{}, l.closed
	case b.Slots <= 0 || l.taken < b.Slots:
		l.taken++
		return Turn[T]{}, nil
	case b.Waiting < 0 || b.Waiting > 0 && len(l.waiting) >= b.Waiting:
		return Turn[T]{}, ErrLineFull
	}
	granted := make(chan grant[T], 1)
	l.waiting = append(l.waiting, granted)
	return Turn[T]{line: l, granted: granted, timeout: b.Timeout}, nil
}

// Give passes the caller's slot, together with value, to the request that has waited longest. If no
// request waits, it returns false, and the caller still has the slot. The Line must be locked.
func (l *Line[T]) Give(value T) bool {
	if len(l.waiting) == 0 {
		return false
	}
	l.waiting[0] <- grant[T]{value: value}
	l.waiting = slices.Delete(l.waiting, 0, 1)
	return true
}

// Release releases a slot. The request that has waited longest gets it, with the zero value of T.
// The Line must be locked.
func (l *Line[T]) Release() {
	var none T
	if !l.Give(none) {
		l.taken--
	}
}

// Close makes every wait fail with err, and every later Enter and Join. Slots that are taken must
// still be released. The Line must be locked.
func (l *Line[T]) Close(err error) {
	l.closed = err
	for _, granted := range l.waiting {
		granted <- grant[T]{err: err}
	}
	l.waiting = nil
}

// Closed returns the error given to Close, nil before Close. The Line must be locked.
func (l *Line[T]) Closed() error { return l.closed }

// Taken returns the number of slots that are taken. The Line must be locked.
func (l *Line[T]) Taken() int { return l.taken }

// Waiting returns the number of requests that wait. The Line must be locked.
func (l *Line[T]) Waiting() int { return len(l.waiting) }

// Turn is the slot of one request in a Line, or its place in the queue.
type Turn[T any] struct {
	line    *Line[T]
	granted chan grant[T] // nil if Join took a slot
	timeout time.Duration
}

// Wait waits until the request has its slot, and returns the value that came with it, which is the
// zero value of T for a slot alone. Its errors are those of Enter. A slot that is granted at the
// moment when ctx or the timeout ends is returned. The Line must not be locked.
func (t Turn[T]) Wait(ctx context.Context) (value T, err error) {
	if t.granted == nil {
		return value, nil
	}
	var late <-chan time.Time
	if t.timeout > 0 {
		timer := time.NewTimer(t.timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case g := <-t.granted:
		return g.value, g.err
	case <-ctx.Done():
		return t.cancel(context.Cause(ctx))
	case <-late:
		return t.cancel(ErrLineTimeout)
	}
}

// cancel removes the request from the queue and returns err. If a grant was sent already, it
// returns that.
func (t Turn[T]) cancel(err error) (value T, _ error) {
	l := t.line
	l.Lock()
	i := slices.Index(l.waiting, t.granted)
	if i >= 0 {
		l.waiting = slices.Delete(l.waiting, i, i+1)
	}
	l.Unlock()
	if i >= 0 {
		return value, err
	}
	g := <-t.granted
	return g.value, g.err
}
