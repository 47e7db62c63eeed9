package spawn

import (
	"os"
	"time"

	"github.com/cgikit/cgikit/gateway/child"
)

// worker is one process. The goroutine of Run owns it, except its output.
type worker struct {
	child   *child.Child
	output  *output
	started time.Time
	round   int       // of the starts: workers of one round fail once
	settled bool      // has run long enough to be taken for a working one
	retired string    // why it is to be replaced; "" if it is not
	stopped bool      // was asked to end
	stopBy  time.Time // when it is asked to end though it may have a request; zero for not yet
	killAt  time.Time
	killed  bool
}

// start starts a worker.
func (r *run) start() error {
	reader, writer, err := os.Pipe()
	if err != nil {
		return err
	}
	c, err := child.Start(child.Command{
		Path: r.Path, Args: append([]string{r.Path}, r.Args...), Dir: r.Dir, Env: r.env,
		Files: []*os.File{r.socket, writer, writer}, RunAs: r.RunAs, Limits: r.Limits, DieWithParent: true,
	})
	writer.Close()
	if err != nil {
		reader.Close()
		return err
	}
	w := &worker{child: c, started: time.Now(), round: r.round, output: newOutput(reader, c.PID, r.log)}
	r.workers = append(r.workers, w)
	r.count(func(s *Stats) { s.Started++ })
	go w.watch(func() {
		select {
		case r.events <- func(r *run) { r.remove(w) }:
		case <-r.done:
		}
	})
	return nil
}

// watch waits for the end of the process and of its output, and calls ended. The process remains a
// zombie, so that its group can be signalled and its figures can be read.
func (w *worker) watch(ended func()) {
	go w.output.copy()
	w.child.Await()
	if child.KeepsNumber {
		w.child.Kill() // the processes that it has started and that would hold the socket
	}
	w.output.wait(outputGrace)
	ended()
}

// outputGrace is how long a process that has left the group may hold the output of a worker that
// has ended.
const outputGrace = time.Second

// stop asks the worker to end.
func (r *run) stop(w *worker) {
	if w.stopped {
		return
	}
	w.stopped = true
	if r.stopTimeout >= 0 {
		w.killAt = time.Now().Add(r.stopTimeout)
	}
	w.child.Signal(r.stopSignal())
}

// stopFree asks a worker to end when it waits for a connection, since some programs lose a request
// that they have. It does not wait longer than freeTime for that moment, and reports whether it has
// asked.
func (r *run) stopFree(now time.Time, w *worker) bool {
	if w.stopBy.IsZero() {
		w.stopBy = now.Add(freeTime)
	}
	if !w.child.Waits() && !r.wakeAt(now, w.stopBy) {
		r.wakeAt(now, now.Add(freeTime/50))
		return false
	}
	r.stop(w)
	return true
}

// freeTime is short, as programs that wait in another way than accept(2) are never seen to wait.
const freeTime = 250 * time.Millisecond

// killLate kills the workers that have not ended within StopTimeout.
func (r *run) killLate(now time.Time) {
	for _, w := range r.workers {
		if !w.stopped || w.killed || w.killAt.IsZero() {
			continue
		}
		if r.wakeAt(now, w.killAt) {
			w.killed = true
			w.child.Kill()
			r.count(func(s *Stats) { s.Killed++ })
			r.log.Warn("a worker did not end after the stop signal and was killed", "pid", w.child.PID, "signal", r.stopSignal(), "after", r.stopTimeout)
		}
	}
}
