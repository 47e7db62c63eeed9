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
		var q queue
		ctx := t.Context()
		for range 2 {
			if err := q.enter(ctx, 2, 1); err != nil {
				t.Fatal(err)
			}
		}
		third := make(chan error, 1)
		go func() { third <- q.enter(ctx, 2, 1) }()
		synctest.Wait()
		wantBusy(t, q.enter(ctx, 2, 1), "too many wait")
		select {
		case err := <-third:
			t.Fatalf("the third did not wait: %v", err)
		default:
		}
		q.leave()
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
		var q queue
		if err := q.enter(t.Context(), 1, 1); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := q.enter(ctx, 1, 1)
		wantBusy(t, err, "deadline")
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v; want the deadline in it", err)
		}
		gone, giveUp := context.WithCancelCause(t.Context())
		cause := errors.New("client gone")
		giveUp(cause)
		if err := q.enter(gone, 1, 1); !errors.Is(err, cause) {
			t.Errorf("got %v; want the cause", err)
		}
		if n := q.waiting.Load(); n != 0 {
			t.Errorf("%d are waiting still", n)
		}
	})
}

func TestQueueBounds(t *testing.T) {
	var unbounded queue
	for range 1000 {
		if err := unbounded.enter(t.Context(), 0, -1); err != nil {
			t.Fatal(err)
		}
	}
	unbounded.leave()
	var impatient queue
	if err := impatient.enter(t.Context(), 1, -1); err != nil {
		t.Fatal(err)
	}
	wantBusy(t, impatient.enter(t.Context(), 1, -1), "nobody may wait")
}

// TestQueueHolds: never more than the bound run, and all get their turn.
func TestQueueHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q queue
		var running, most, served atomic.Int64
		for range 100 {
			go func() {
				if err := q.enter(t.Context(), 3, 100); err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), running.Add(1)))
				time.Sleep(time.Second)
				running.Add(-1)
				served.Add(1)
				q.leave()
			}()
		}
		time.Sleep(time.Hour)
		if most.Load() != 3 || served.Load() != 100 {
			t.Errorf("at most %d ran, %d were served; want 3 and 100", most.Load(), served.Load())
		}
	})
}
