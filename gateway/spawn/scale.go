package spawn

import "time"

// load is what Run knows of the requests that wait.
type load struct {
	waiting  int
	ticks    int       // how often in a row some were waiting
	next     time.Time // of the next look
	grown    time.Time // when more workers were wanted last
	calm     time.Time // since when none waits and a worker is free
	stuck    time.Time // since when the queue has not become shorter; zero while it is empty
	reported bool      // the queue was reported as stuck, or as unknown
}

const (
	lookEvery  = 100 * time.Millisecond
	lookRarely = 2 * time.Second // if the number of workers is fixed: only to find a queue that is stuck
	stuckTime  = 10 * time.Second
)

// scale changes the number of workers that are wanted: more when requests wait at two looks in a
// row, one less when none has waited for Idle.
func (r *run) scale(now time.Time) {
	if r.Waiting == nil || !r.wakeAt(now, r.next) {
		return
	}
	r.next = now.Add(lookEvery)
	if r.low == r.high {
		r.next = now.Add(lookRarely)
	}
	r.wakeAt(now, r.next)
	n, known := r.Waiting()
	if !known {
		r.warnUnknown()
		return
	}
	r.watchQueue(now, n)
	r.waiting = n
	if n > 0 {
		r.calm = time.Time{}
		r.ticks++
		r.grow(now, n)
		return
	}
	r.ticks = 0
	if r.idle >= 0 {
		r.shrink(now)
	}
}

func (r *run) warnUnknown() {
	if !r.reported && r.low < r.high {
		r.reported = true
		r.log.Warn("the queue of the socket cannot be read: the number of workers does not change", "workers", r.initial)
	}
	r.want = r.initial
}

// grow wants as many more workers as requests wait, and at most twice as many as run. The last ones
// get time to start first.
func (r *run) grow(now time.Time, waiting int) {
	if r.ticks < 2 || now.Sub(r.grown) < settleTime || r.want >= r.high {
		return
	}
	r.grown = now
	r.want = min(r.high, r.want+max(1, min(waiting, r.want)))
}

// shrink stops one worker that waits for a connection, if at all looks of the Idle time one did.
func (r *run) shrink(now time.Time) {
	free := r.free()
	if r.want <= r.low || free == nil {
		r.calm = time.Time{}
		return
	}
	if r.calm.IsZero() {
		r.calm = now
	}
	if !r.wakeAt(now, r.calm.Add(r.idle)) {
		return
	}
	r.calm = now
	r.want--
	r.stop(free)
}

// free returns a worker that waits for a connection, or nil. It returns the newest, since old ones
// have their caches filled.
func (r *run) free() *worker {
	for i := len(r.workers) - 1; i >= 0; i-- {
		if w := r.workers[i]; !w.stopped && w.retired == "" && w.settled && w.child.Waits() {
			return w
		}
	}
	return nil
}

// watchQueue warns once if requests wait and the queue does not become shorter.
func (r *run) watchQueue(now time.Time, n int) {
	if n == 0 || n < r.waiting || r.stuck.IsZero() {
		r.stuck = now
		if n == 0 {
			r.stuck = time.Time{}
		}
		return
	}
	if !r.reported && now.Sub(r.stuck) >= stuckTime {
		r.reported = true
		r.log.Warn("connections wait and no worker accepts them: all workers are busy, or the program does not accept on descriptor 0",
			"waiting", n, "seconds", int(now.Sub(r.stuck).Seconds()))
	}
}
