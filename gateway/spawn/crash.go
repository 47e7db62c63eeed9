package spawn

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/cgikit/cgikit/gateway/child"
)

// crashes counts the workers that end right after their start. Those that were started together
// count once.
type crashes struct {
	round    int // of the current starts
	healthy  int // the last round of which a worker has run for stableTime
	failed   int // the last round of which a worker has failed
	failures int // rounds that failed without a worker that runs
	delay    time.Duration
	resume   time.Time // when workers may be started again
}

const (
	stableTime   = time.Second            // a worker that ends earlier may be in a crash loop
	firstDelay   = 100 * time.Millisecond // before the restart after the first failure; then doubled
	longestDelay = 10 * time.Second
	maxFirst     = 5  // failures, if no worker has ever run for stableTime
	maxFailures  = 10 // failures later: about 40 seconds
)

// CrashError means that the workers of a Pool end again and again right after their start.
type CrashError struct {
	Path   string
	Times  int    // how often in a row
	Reason string // how the last one ended
	Output string // the last lines of its standard output and standard error; "" for none
}

// Error has the reason and the output.
func (e *CrashError) Error() string {
	text := fmt.Sprintf("spawn: %.256q ended right after its start, %d times in a row: %s", e.Path, e.Times, e.Reason)
	if e.Output == "" {
		return text + ", without output"
	}
	return text + ", and wrote: " + e.Output
}

// startLater starts a worker if the delay after failures is over. It reports whether it did.
func (r *run) startLater(now time.Time) bool {
	if !r.wakeAt(now, r.resume) {
		return false
	}
	if r.round == r.failed {
		r.round++
	}
	err := r.start()
	if err == nil {
		r.wake = now // for the times of the new worker
		return true
	}
	if r.healthy == 0 && len(r.workers) == 0 && !child.IsShortage(err) {
		r.stopping, r.fatal = true, fmt.Errorf("spawn: %w", err)
		return false
	}
	r.log.Warn("a worker cannot be started", "error", err)
	r.fail(r.round, err.Error(), "")
	return false
}

// remove handles the end of a worker.
func (r *run) remove(w *worker) {
	written, known := w.child.Written()
	read, last := w.output.read()
	exit := w.child.Reap()
	r.workers = slices.DeleteFunc(r.workers, func(other *worker) bool { return other == w })
	if w.stopped {
		return
	}
	age := time.Since(w.started)
	regular := exit != nil && exit.Status == 0
	if regular {
		r.count(func(s *Stats) { s.Ended++ })
	} else {
		r.count(func(s *Stats) { s.Crashed++ })
	}
	reason := reasonOf(exit)
	// A program that ends after a number of requests may do so within a second: it has written
	// responses.
	if age >= stableTime || regular && (known && written > read || !known && age > firstDelay) {
		if !regular {
			r.log.Warn("a worker has ended and is replaced", "pid", w.child.PID, "reason", reason, "age", age.Round(time.Millisecond))
		}
		r.noteHealthy(w.round)
		return
	}
	if w.round > r.failed { // the others of the round have the same reason
		r.log.Warn("a worker has ended right after its start", "pid", w.child.PID, "reason", reason, "age", age.Round(time.Millisecond))
	}
	r.fail(w.round, reason, last)
}

func reasonOf(exit *child.Exit) string {
	if exit == nil {
		return "unknown"
	}
	return exit.Text
}

// noteHealthy notes that a worker of the round has worked.
func (r *run) noteHealthy(round int) {
	r.healthy = max(r.healthy, round, 1)
	if round > r.failed {
		r.failures, r.delay = 0, 0
	}
}

// fail notes that a worker of the round has failed. After too many failures in a row it gives up:
// the reload, if old workers remain, or else the Run. While a worker runs, Run does not give up.
func (r *run) fail(round int, reason, output string) {
	if round <= r.failed {
		return
	}
	r.failed = round
	r.failures++
	r.delay = min(cmp.Or(r.delay*2, firstDelay), longestDelay)
	r.resume = time.Now().Add(r.delay)
	most := maxFailures
	if r.healthy == 0 || r.reloading {
		most = maxFirst
	}
	if r.failures < most || r.stopping || !r.reloading && r.works() {
		return
	}
	err := &CrashError{Path: r.Path, Times: r.failures, Reason: reason, Output: output}
	if r.keepOld() {
		r.log.Error("the new workers fail, and the old ones remain", "error", err)
		return
	}
	r.stopping, r.fatal = true, err
}

// keepOld ends a reload, if old workers remain, and reports whether some do.
func (r *run) keepOld() bool {
	if !r.reloading {
		return false
	}
	r.reloading = false
	kept := 0
	for _, w := range r.workers {
		if !w.stopped && w.retired != "" {
			w.retired = ""
			kept++
		}
	}
	if kept > 0 {
		r.want = max(kept, r.low)
	}
	r.failures, r.delay = 0, 0
	return kept > 0
}

// works reports whether some worker has run for stableTime.
func (r *run) works() bool {
	return slices.ContainsFunc(r.workers, func(w *worker) bool { return !w.stopped && time.Since(w.started) >= stableTime })
}
