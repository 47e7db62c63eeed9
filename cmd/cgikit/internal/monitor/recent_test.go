package monitor

import (
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/cgikit/cgikit/gateway"
)

// TestTimeClass: the middle of the class of a time is at most 7 % away from it.
func TestTimeClass(t *testing.T) {
	before := -1
	for d := time.Duration(0); d < time.Minute; d += max(d/50, time.Microsecond) {
		class := timeClass(d)
		if class < before || class > before+1 || class >= recentTimes {
			t.Fatalf("%v: got class %d after %d", d, class, before)
		}
		before = class
		if off := (timeOf(class) - d).Abs(); off > d*7/100+time.Microsecond {
			t.Errorf("%v: got %v", d, timeOf(class))
		}
	}
	if before != timeClass(time.Minute-1) || timeClass(time.Hour) != recentTimes-1 || timeClass(-1) != 0 {
		t.Errorf("got classes %d, %d, %d at the ends", before, timeClass(time.Hour), timeClass(-1))
	}
}

func TestPercentile(t *testing.T) {
	var w window
	if _, ok := w.percentile(.5); ok {
		t.Error("got a percentile of no requests")
	}
	w.requests = 100
	w.took[timeClass(time.Millisecond)], w.took[timeClass(time.Second)] = 98, 2
	for share, want := range map[float64]time.Duration{.5: time.Millisecond, .98: time.Millisecond, .99: time.Second, 1: time.Second} {
		if got, ok := w.percentile(share); !ok || (got-want).Abs() > want*7/100 {
			t.Errorf("%v: got %v, %v; want %v", share, got, ok, want)
		}
	}
}

// TestRecent: a request counts in its step for 5 minutes, and the memory does not grow.
func TestRecent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Ledger
		enter := func(n int, err error) {
			for range n {
				l.Enter(&gateway.Access{Status: 200, Duration: time.Millisecond, Err: err})
			}
		}
		enter(3, nil)
		enter(1, &gateway.BackendError{Reason: "x"})
		enter(1, gateway.ErrClientGone) // no failure of the target
		begun := stepNumber(time.Now())
		time.Sleep(recentStep)
		enter(7, nil)
		steps := l.recentSteps(3)
		if len(steps) != 3 || steps[0].requests != 0 || steps[1].requests != 5 || steps[1].failures != 1 || steps[2].requests != 7 || steps[2].number != begun+1 {
			t.Errorf("got %+v", steps)
		}
		time.Sleep((recentSteps - 1) * recentStep)
		enter(1, nil) // in the slot of the first step
		steps = l.recentSteps(recentSteps)
		if w := sum(steps); w.requests != 8 || steps[0].requests != 7 || steps[recentSteps-1].requests != 1 {
			t.Errorf("got %d requests, %d in the first and %d in the last step", w.requests, steps[0].requests, steps[recentSteps-1].requests)
		}
		time.Sleep(time.Hour)
		if w := sum(l.recentSteps(recentSteps)); w.requests != 0 {
			t.Errorf("got %d requests after an hour", w.requests)
		}
	})
	if size := unsafe.Sizeof(recent{}); size > 130_000 {
		t.Errorf("got %d bytes", size)
	}
}
