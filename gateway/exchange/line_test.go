package exchange_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// connection is a value that the owner of a Line passes with a slot.
type connection string

// entered is the result of Enter.
type entered struct {
	value connection
	err   error
}

// enter calls Enter in a goroutine, and returns when Enter has returned or waits.
func enter(ctx context.Context, l *exchange.Line[connection], b exchange.LineBounds) <-chan entered {
	done := make(chan entered, 1)
	go func() {
		value, err := l.Enter(ctx, b)
		done <- entered{value, err}
	}()
	synctest.Wait()
	return done
}

// want checks the result of a call; nil means a slot without a value.
func want(t *testing.T, what string, done <-chan entered, value connection, err error) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-done:
		if got.value != value || !errors.Is(got.err, err) {
			t.Errorf("%s: got %q, %v; want %q, %v", what, got.value, got.err, value, err)
		}
	default:
		t.Errorf("%s: still waits; want %q, %v", what, value, err)
	}
}

func wantWait(t *testing.T, what string, done <-chan entered) {
	t.Helper()
	synctest.Wait()
	select {
	case got := <-done:
		t.Errorf("%s: got %q, %v; want a wait", what, got.value, got.err)
	default:
	}
}

// wantCounts checks the counts of the line.
func wantCounts(t *testing.T, l *exchange.Line[connection], taken, waiting int) {
	t.Helper()
	l.Lock()
	defer l.Unlock()
	if l.Taken() != taken || l.Waiting() != waiting {
		t.Errorf("got %d taken, %d waiting; want %d, %d", l.Taken(), l.Waiting(), taken, waiting)
	}
}

func TestLineFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l exchange.Line[connection]
		b := exchange.LineBounds{Slots: 2, Waiting: 3}
		want(t, "first", enter(t.Context(), &l, b), "", nil)
		want(t, "second", enter(t.Context(), &l, b), "", nil)
		var waiting []<-chan entered
		for range 3 {
			waiting = append(waiting, enter(t.Context(), &l, b))
		}
		want(t, "one more than may wait", enter(t.Context(), &l, b), "", exchange.ErrLineFull)
		wantCounts(t, &l, 2, 3)
		for _, done := range waiting {
			wantWait(t, "before a slot is free", done)
			l.Leave()
			want(t, "in its turn", done, "", nil)
		}
		l.Leave()
		l.Leave()
		wantCounts(t, &l, 0, 0)
	})
}

// TestLineBounds: what zero and negative bounds mean.
func TestLineBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var unbounded, patient, impatient exchange.Line[connection]
		for range 1000 {
			want(t, "no Slots", enter(t.Context(), &unbounded, exchange.LineBounds{Waiting: -1}), "", nil)
		}
		one := exchange.LineBounds{Slots: 1}
		want(t, "first", enter(t.Context(), &patient, one), "", nil)
		ctx, cancel := context.WithCancel(t.Context())
		for range 1000 {
			wantWait(t, "no Waiting", enter(ctx, &patient, one))
		}
		cancel()
		one.Waiting = -1
		want(t, "first", enter(t.Context(), &impatient, one), "", nil)
		want(t, "negative Waiting", enter(t.Context(), &impatient, one), "", exchange.ErrLineFull)
		synctest.Wait()
		wantCounts(t, &patient, 1, 0)
	})
}

// TestLineGivesUp: a wait ends with its context or its timeout, and leaves no gap in the line.
func TestLineGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l exchange.Line[connection]
		b := exchange.LineBounds{Slots: 1}
		want(t, "first", enter(t.Context(), &l, b), "", nil)
		cause := errors.New("the client left")
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := enter(ctx, &l, b)
		late := enter(t.Context(), &l, exchange.LineBounds{Slots: 1, Timeout: time.Minute})
		last := enter(t.Context(), &l, b)
		cancel(cause)
		want(t, "context", gone, "", cause)
		wantCounts(t, &l, 1, 2)
		time.Sleep(time.Minute)
		want(t, "timeout", late, "", exchange.ErrLineTimeout)
		wantWait(t, "no timeout", last)
		l.Leave()
		want(t, "last", last, "", nil)
		wantCounts(t, &l, 1, 0)
	})
}

// TestLineGive: a slot is passed on together with a value.
func TestLineGive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l exchange.Line[connection]
		b := exchange.LineBounds{Slots: 1}
		want(t, "first", enter(t.Context(), &l, b), "", nil)
		give := func() bool {
			l.Lock()
			defer l.Unlock()
			return l.Give("connection")
		}
		if give() {
			t.Error("given away where none waits")
		}
		wantCounts(t, &l, 1, 0)
		second, third := enter(t.Context(), &l, b), enter(t.Context(), &l, b)
		if !give() {
			t.Error("not given to the one that waits")
		}
		want(t, "second", second, "connection", nil)
		l.Leave()
		want(t, "third", third, "", nil)
		wantCounts(t, &l, 1, 0)
	})
}

// TestLineGrantBesideTheEnd: a slot that was given before the waiting request has seen the end of
// its context is not lost.
func TestLineGrantBesideTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for range 100 { // select takes either case
			var l exchange.Line[connection]
			b := exchange.LineBounds{Slots: 1}
			want(t, "first", enter(t.Context(), &l, b), "", nil)
			ctx, cancel := context.WithCancel(t.Context())
			second := enter(ctx, &l, b)
			l.Lock()
			cancel()
			l.Give("connection")
			l.Unlock()
			want(t, "second", second, "connection", nil)
			wantCounts(t, &l, 1, 0)
		}
	})
}

// TestLineClose: waits end, no new wait begins, and slots can still be released.
func TestLineClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l exchange.Line[connection]
		b := exchange.LineBounds{Slots: 1}
		want(t, "first", enter(t.Context(), &l, b), "", nil)
		second := enter(t.Context(), &l, b)
		closed := errors.New("closed")
		l.Lock()
		l.Close(closed)
		l.Unlock()
		want(t, "second", second, "", closed)
		l.Leave()
		want(t, "after Close", enter(t.Context(), &l, b), "", closed)
		wantCounts(t, &l, 0, 0)
		l.Lock()
		defer l.Unlock()
		if l.Closed() != closed {
			t.Errorf("Closed: got %v; want %v", l.Closed(), closed)
		}
	})
}

// TestLineHolds: at most Slots requests have a slot at the same time, and each request gets one.
func TestLineHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l exchange.Line[struct{}]
		var holding, most, served atomic.Int64
		for range 100 {
			go func() {
				if _, err := l.Enter(t.Context(), exchange.LineBounds{Slots: 3}); err != nil {
					t.Error(err)
					return
				}
				defer l.Leave()
				most.Store(max(most.Load(), holding.Add(1)))
				time.Sleep(time.Second)
				holding.Add(-1)
				served.Add(1)
			}()
		}
		time.Sleep(time.Hour)
		if most.Load() != 3 || served.Load() != 100 {
			t.Errorf("at most %d had a slot, %d were served; want 3 and 100", most.Load(), served.Load())
		}
	})
}
