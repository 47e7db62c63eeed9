package exchange

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Line is a number of slots, and the requests that wait for one of them: first come, first served.
// Its zero value is ready. All methods may be called at the same time, but a Line must not be
// copied.
//
// Enter and Leave are all that an owner needs that only counts. An owner that hands more than the
// slot to the request that waits, such as an open connection, names the type of that as T and uses
// the other methods. They must be called with the line locked: the owner can then keep a list of
// its own, such as that of its idle connections, under the same lock. T is struct{} for other
// owners.
type Line[T any] struct {
	sync.Mutex // guards the line, and what its owner changes together with it

	taken   int
	waiting []chan grant[T] // each of capacity 1, the first come at the front
	closed  error
}

// grant is what ends a wait: a slot with what was handed over, or the reason for which the line was
// closed.
type grant[T any] struct {
	value T
	err   error
}

// LineBounds says how many requests may have a slot and how many may wait. It is given to each
// call, since the fields that an owner takes them from are set after its Line was made; it should
// be the same each time.
type LineBounds struct {
	Slots int // that may be taken at the same time. Zero and negative are no bound.
	// requests that may wait. Zero is no bound; with a negative one none waits.
	Waiting int
	Timeout time.Duration // of one wait. Zero and negative are no bound.
}

// Why a request got no slot. The other reasons are the cause of its context, and what Close was
// given.
var (
	ErrLineFull    = errors.New("all slots are taken, and no more requests may wait")
	ErrLineTimeout = errors.New("all slots were taken for as long as a request may wait")
)

// Enter takes a slot, and waits for one if all are taken. Leave must follow when the error is nil.
// The line must not be locked.
//
// The error is ErrLineFull, ErrLineTimeout, what Close was given, or context.Cause(ctx). A context
// that has ended ends a wait only: look at it before the slot is used.
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

// Leave gives a slot back. The line must not be locked.
func (l *Line[T]) Leave() {
	l.Lock()
	defer l.Unlock()
	l.Release()
}

// Join takes a slot or, if all are taken, a place at the end of the line. Either comes with the
// Turn, whose Wait must be called. The error is ErrLineFull or what Close was given. The line must
// be locked.
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

// Give hands the slot that the caller has to the request that has waited longest, together with
// value. It reports false, and the caller still has the slot, if none waits. The line must be
// locked.
func (l *Line[T]) Give(value T) bool {
	if len(l.waiting) == 0 {
		return false
	}
	l.waiting[0] <- grant[T]{value: value}
	l.waiting = slices.Delete(l.waiting, 0, 1)
	return true
}

// Release gives a slot back: it goes to the request that has waited longest, with the zero value of
// T. The line must be locked.
func (l *Line[T]) Release() {
	var none T
	if !l.Give(none) {
		l.taken--
	}
}

// Close ends every wait with err, and every Enter and Join from then on. Slots that are taken are
// given back as before. The line must be locked.
func (l *Line[T]) Close(err error) {
	l.closed = err
	for _, granted := range l.waiting {
		granted <- grant[T]{err: err}
	}
	l.waiting = nil
}

// Closed returns what Close was given, nil before that. The line must be locked.
func (l *Line[T]) Closed() error { return l.closed }

// Taken is the number of slots that are taken. The line must be locked.
func (l *Line[T]) Taken() int { return l.taken }

// Waiting is the number of requests that wait. The line must be locked.
func (l *Line[T]) Waiting() int { return len(l.waiting) }

// Turn is the place of one request in a Line.
type Turn[T any] struct {
	line    *Line[T]
	granted chan grant[T] // nil if the slot came at once
	timeout time.Duration
}

// Wait waits until the request has its slot, and returns what was handed over with it: the zero
// value of T for a slot alone. Its errors are those of Enter. A slot that comes in the same moment
// as the end of ctx or of the timeout is taken. The line must not be locked.
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
		return t.giveUp(context.Cause(ctx))
	case <-late:
		return t.giveUp(ErrLineTimeout)
	}
}

// giveUp leaves the line because of err, unless the wait is over already.
func (t Turn[T]) giveUp(err error) (value T, _ error) {
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
