package monitor

import (
	"math/bits"
	"time"
)

const (
	// recentStep is the time that one point of the charts stands for.
	recentStep = 2 * time.Second

	// recentSteps is how many steps a Ledger keeps: 5 minutes. They take 122 kB of
	// memory, however many requests there are.
	recentSteps = 150

	// recentTimes is the number of classes of durations in a step. From a time to twice that time
	// there are eight, so that a percentile is right to 7 %. The last class has all times from two
	// minutes on.
	recentTimes = 200
)

// recent has the figures of the last recentSteps steps, as a ring. Its Ledger guards it.
type recent struct {
	steps [recentSteps]step
}

// step has the figures of the requests that finished in a recentStep.
type step struct {
	number             int64 // how many steps after 1970 it began; an older number marks a slot to reuse
	requests, failures uint32
	took               [recentTimes]uint32 // requests by duration, see timeClass
}

func stepNumber(t time.Time) int64 { return t.UnixNano() / int64(recentStep) }

// add counts a request that finished now.
func (r *recent) add(now time.Time, took time.Duration, failed bool) {
	number := stepNumber(now)
	s := &r.steps[number%recentSteps]
	if s.number != number {
		*s = step{number: number}
	}
	s.requests++
	s.took[timeClass(took)]++
	if failed {
		s.failures++
	}
}

// last returns n steps, the oldest first, of which the last is the one of number. A step in which
// no request finished is zero.
func (r *recent) last(n int, number int64) []step {
	steps := make([]step, n)
	for i := range steps {
		steps[i].number = number - int64(n-1-i)
		if s := &r.steps[steps[i].number%recentSteps]; s.number == steps[i].number {
			steps[i] = *s
		}
	}
	return steps
}

// timeClass returns the class of a duration: its highest four bits, in microseconds.
func timeClass(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < 8 {
		return int(us)
	}
	exponent := bits.Len64(us) - 1
	return min((exponent-2)*8+int(us>>(exponent-3)&7), recentTimes-1)
}

// timeOf returns the middle of a class.
func timeOf(class int) time.Duration {
	if class < 8 {
		return time.Duration(class) * time.Microsecond
	}
	width := uint64(1) << (class/8 - 1)
	return time.Duration(uint64(8+class%8)*width+width/2) * time.Microsecond
}

// window is the sum of several steps.
type window struct {
	requests, failures uint64
	took               [recentTimes]uint64
}

func sum(steps []step) (w window) {
	for i := range steps {
		w.requests += uint64(steps[i].requests)
		w.failures += uint64(steps[i].failures)
		for class, n := range steps[i].took {
			w.took[class] += uint64(n)
		}
	}
	return w
}

// percentile returns the time within which a share of the requests finished, or ok false if there
// were no requests.
func (w *window) percentile(share float64) (d time.Duration, ok bool) {
	want, seen := share*float64(w.requests), uint64(0)
	for class, n := range w.took {
		if seen += n; n > 0 && float64(seen) >= want {
			return timeOf(class), true
		}
	}
	return 0, false
}
