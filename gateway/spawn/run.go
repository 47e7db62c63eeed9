package spawn

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/cgikit/cgikit/gateway/child"
)

// run is the state of one Run. Only its goroutine uses it.
type run struct {
	*Pool
	env                []string
	log                *slog.Logger
	socket             *os.File
	idle, stopTimeout  time.Duration
	low, high, initial int

	events chan func(*run)
	done   chan struct{}

	workers []*worker // the oldest first
	want    int
	wake    time.Time // when step must be called again; zero for no time

	stopping  bool  // all workers are to end
	fatal     error // why, if it is a failure
	reloading bool
	crashes
	load
	checkMemory time.Time
}

// Run starts the workers on the socket of l, and keeps their number until ctx ends. Then it asks
// them to end, and returns nil when they have. It returns a *CrashError if workers end again and
// again right after their start, and another error if none can be started. When Run returns, no
// worker is left. On Linux the workers are killed also when this process is killed.
//
// Run closes l in this process, and keeps a copy of its descriptor. The file of a unix socket of
// package listen remains until the caller closes l too; that of a *net.UnixListener stays. Run
// keeps its thread, and only one Run at a time may be under way.
func (p *Pool) Run(ctx context.Context, l net.Listener) error {
	if err := p.Check(); err != nil {
		return err
	}
	socket, err := socketOf(l)
	if err != nil {
		return err
	}
	defer socket.Close()
	if err := child.CloseInherited(); err != nil {
		return err
	}
	child.CatchIgnored()
	runtime.LockOSThread() // the system kills the workers when the thread that started them ends
	defer runtime.UnlockOSThread()
	r := p.newRun(socket)
	defer r.finish()
	return r.loop(ctx)
}

func (p *Pool) newRun(socket *os.File) *run {
	r := &run{
		Pool: p, env: p.Env, log: cmp.Or(p.Log, slog.Default()), socket: socket,
		idle: cmp.Or(p.Idle, defaultIdle), stopTimeout: cmp.Or(p.StopTimeout, defaultStopTimeout),
		events: make(chan func(*run)), done: make(chan struct{}),
	}
	r.low, r.high = p.bounds()
	r.initial = cmp.Or(p.Start, r.low)
	r.want = r.initial
	if r.env == nil {
		r.env = Environ()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.run, p.figures = r, Stats{}
	return r
}

func (r *run) finish() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Pool.run = nil
	close(r.done)
}

// loop handles events until all workers have ended.
func (r *run) loop(ctx context.Context) error {
	stop := ctx.Done()
	for {
		r.step(time.Now())
		if r.stopping && len(r.workers) == 0 {
			return r.fatal
		}
		timer, wait := r.timer()
		select {
		case f := <-r.events:
			f(r)
		case <-wait:
		case <-stop:
			stop, r.stopping = nil, true
		}
		timer.Stop()
	}
}

// timer returns a timer until wake.
func (r *run) timer() (*time.Timer, <-chan time.Time) {
	if r.wake.IsZero() {
		timer := time.NewTimer(time.Hour)
		return timer, timer.C
	}
	timer := time.NewTimer(max(time.Until(r.wake), 0))
	return timer, timer.C
}

// wakeAt reports whether at is over, and otherwise has step called again then.
func (r *run) wakeAt(now, at time.Time) bool {
	if !now.Before(at) {
		return true
	}
	if r.wake.IsZero() || at.Before(r.wake) {
		r.wake = at
	}
	return false
}

// step starts and stops workers as it is time to.
func (r *run) step(now time.Time) {
	r.wake = time.Time{}
	r.markSettled(now)
	if !r.stopping {
		r.scale(now)
		r.retireOld(now)
		r.replace(now)
	}
	if r.stopping { // also because replace has failed
		for _, w := range r.workers {
			r.stop(w)
		}
	}
	r.killLate(now)
	r.publish()
}

// settleTime is how long a new worker must have run before an old one is stopped in its favour.
const settleTime = 250 * time.Millisecond

func (r *run) markSettled(now time.Time) {
	for _, w := range r.workers {
		if !w.settled && r.wakeAt(now, w.started.Add(settleTime)) {
			w.settled = true
		}
		if w.round > r.healthy && r.wakeAt(now, w.started.Add(stableTime)) {
			r.noteHealthy(w.round)
		}
	}
}

// replace starts workers up to the number wanted. It stops those that are to be replaced as the new
// ones settle, and those that are too many.
func (r *run) replace(now time.Time) {
	fresh, settled, retired := r.sort()
	surge := 0
	if len(retired) > 0 {
		surge = (r.want + 3) / 4 // so that all are replaced in four steps
	}
	for n := fresh; n < r.want && n+len(retired) < r.want+surge; n++ {
		if !r.startLater(now) {
			break
		}
	}
	for _, w := range retired {
		if settled+len(retired) <= r.want {
			break
		}
		if !r.stopFree(now, w) {
			break
		}
		retired = retired[1:]
	}
	if r.reloading && len(retired) == 0 && fresh >= r.want {
		r.reloading = false
		r.count(func(s *Stats) { s.Reloads++ })
		r.log.Info("all workers are replaced")
	}
}

// sort counts the workers that remain and those of them that have settled, and returns those to be
// replaced.
func (r *run) sort() (fresh, settled int, retired []*worker) {
	for _, w := range r.workers {
		switch {
		case w.stopped:
		case w.retired != "":
			retired = append(retired, w)
		default:
			fresh++
			if w.settled {
				settled++
			}
		}
	}
	return fresh, settled, retired
}

// retireOld retires workers by age and memory, one at a time.
func (r *run) retireOld(now time.Time) {
	if slices.ContainsFunc(r.workers, func(w *worker) bool { return w.retired != "" && !w.stopped }) {
		return
	}
	for _, w := range r.workers {
		if r.MaxAge > 0 && !w.stopped && r.wakeAt(now, w.started.Add(r.MaxAge)) {
			w.retired = "age"
			return
		}
	}
	if r.MaxMemory == 0 || !r.wakeAt(now, r.checkMemory) {
		return
	}
	r.checkMemory = now.Add(time.Second)
	r.wakeAt(now, r.checkMemory)
	for _, w := range r.workers {
		if used, ok := w.child.Memory(); ok && used > r.MaxMemory && !w.stopped {
			w.retired = "memory"
			r.log.Info("a worker has more memory than allowed and is replaced", "pid", w.child.PID, "bytes", used)
			return
		}
	}
}

// reload implements Reload.
func (r *run) reload() {
	if r.stopping {
		return
	}
	r.reloading = true
	r.delay, r.failures = 0, 0
	r.log.Info("replacing all workers")
	for _, w := range r.workers {
		w.retired = "reload"
	}
}

// signal implements Signal.
func (r *run) signal(s os.Signal) {
	for _, w := range r.workers {
		w.child.Signal(s)
	}
}

// kill implements Kill.
func (r *run) kill() {
	r.stopping = true
	for _, w := range r.workers {
		w.stopped, w.killed = true, true
		w.child.Kill()
	}
}

// count changes the figures.
func (r *run) count(change func(*Stats)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.figures)
}

// publish puts the number of workers into the figures.
func (r *run) publish() {
	stopping := 0
	for _, w := range r.workers {
		if w.stopped {
			stopping++
		}
	}
	r.count(func(s *Stats) { s.Workers, s.Stopping, s.Waiting = len(r.workers)-stopping, stopping, r.waiting })
}
