package cgi

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Script{MaxScripts: 2, MaxQueue: 1}
		ctx := t.Context()
		for range 2 {
			if err := q.reserve(ctx); err != nil {
				t.Fatal(err)
			}
		}
		third := make(chan error, 1)
		go func() { third <- q.reserve(ctx) }()
		synctest.Wait()
		wantBusy(t, q.reserve(ctx), "too many wait")
		select {
		case err := <-third:
			t.Fatalf("the third did not wait: %v", err)
		default:
		}
		if got, want := q.Stats(), (Stats{Waiting: 1, Refused: 1}); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
		q.release()
		if err := <-third; err != nil {
			t.Errorf("the third: got %v; want its turn", err)
		}
	})
}

func wantBusy(t *testing.T, err error, what string) {
	t.Helper()
	var b *gateway.BackendError
	if !errors.As(err, &b) || b.Status != 503 || b.Reason != "too many scripts are running" {
		t.Errorf("%s: got %v; want a BackendError 503", what, err)
	}
}

func TestQueueContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Script{MaxScripts: 1, MaxQueue: 1}
		if err := q.reserve(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := q.reserve(ctx)
		wantBusy(t, err, "deadline")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want the deadline in it", err)
		}
		if n := q.Stats().Refused; n != 1 {
			t.Errorf("got %d refused; want 1", n)
		}
		gone, giveUp := context.WithCancelCause(t.Context())
		cause := errors.New("client gone")
		giveUp(cause)
		if err := q.reserve(gone); !errors.Is(err, cause) {
			t.Errorf("got %v; want the cause", err)
		}
		q.line.Lock()
		defer q.line.Unlock()
		if n := q.line.Waiting(); n != 0 {
			t.Errorf("%d are still waiting", n)
		}
	})
}

func TestQueueBounds(t *testing.T) {
	unbounded := Script{MaxQueue: -1}
	for range 1000 {
		if err := unbounded.reserve(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	unbounded.release()
	impatient := Script{MaxScripts: 1, MaxQueue: -1}
	if err := impatient.reserve(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantBusy(t, impatient.reserve(t.Context()), "none may wait")
}

// TestQueueHolds: never more than the bound run, and all get their turn.
func TestQueueHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := Script{MaxScripts: 3, MaxQueue: 100}
		var running, most, served atomic.Int64
		for range 100 {
			go func() {
				if err := q.reserve(t.Context()); err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Second)
				running.Add(-1)
				served.Add(1)
				q.release()
			}()
		}
		time.Sleep(time.Hour)
		if most.Load() != 3 || served.Load() != 100 {
			t.Errorf("at most %d ran, %d were served; want 3 and 100", most.Load(), served.Load())
		}
	})
}
