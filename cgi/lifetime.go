package cgi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/child"
)

const (
	// grace is how long standard output may be silent after the script has ended, while a child
	// process of the script keeps it open. Then the response ends. Apache and lighttpd wait for the
	// end of standard output, which may never come.
	grace = 2 * time.Second

	// stderrGrace is the same for standard error. It is shorter, because everything that the script
	// itself wrote has arrived by then. It applies to standard output too if the script was
	// stopped.
	stderrGrace = 100 * time.Millisecond

	// exitGrace is how long the end of a response waits for the exit status of a script that has
	// closed its standard output.
	exitGrace = 100 * time.Millisecond

	// completeGrace is the same if the response has all its declared bytes. It is long enough to
	// get the exit status of most scripts, and too short to be noticed.
	completeGrace = 10 * time.Millisecond

	// exitPoll is how often a script that takes longer is inspected.
	exitPoll = 10 * time.Millisecond

	// maxExcess is how much of the standard output after a complete response is read and dropped,
	// in bytes, before it is closed. It lets a script finish that sends a little more than it
	// declared, and stops one that writes without end.
	maxExcess = 1 << 20
)

// errClosedEarly is the cause for stopping a script without any fault.
var errClosedEarly = errors.New("cgi: the Body was closed before its end")

// watch starts the timers and the goroutines that run while standard output is read.
func (p *process) watch(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unwatch = context.AfterFunc(ctx, func() { p.abort(gateway.ContextError(ctx)) })
	if limit := cmp.Or(p.ReadTimeout, defaultReadTimeout); limit > 0 {
		p.patience = time.AfterFunc(limit, func() { p.checkProgress(limit) })
	}
	if p.RequestTimeout > 0 {
		p.timeout = time.AfterFunc(p.RequestTimeout, func() { p.stop(errTimeout) })
	}
	go p.copyStderr()
	go p.await()
}

// checkProgress stops the script if it has made no progress for limit, and otherwise sets the timer
// for the next check.
func (p *process) checkProgress(limit time.Duration) {
	left := p.progress.remaining(limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.ended || p.finished: // only child processes of the script may be silent now
	case left <= 0:
		p.stopGroup(errSilent)
	default:
		p.patience.Reset(left)
	}
}

// abort stops the script for a reason that concerns only its response. It does nothing after the
// response is complete.
func (p *process) abort(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.finished && !p.complete {
		p.stopGroup(cause)
	}
}

// stop stops the script, unless both it and the Body have ended. If the script has ended and no
// process can write to its output any more, stop does nothing: the output is complete, however late
// it is read.
func (p *process) stop(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended || !p.finished && !writersGone(p.stdout) {
		p.stopGroup(cause)
	}
}

// stopGroup stops the script and its group. It keeps the first cause. The caller holds p.mu, as for
// the next two functions.
func (p *process) stopGroup(cause error) {
	switch {
	case p.cause != nil:
		return
	case p.ended:
		p.killRest()
		p.stdout.SetReadDeadline(time.Unix(1, 0))
	default:
		p.terminateGroup()
	}
	p.cause = cause
}

// terminateGroup sends SIGTERM to the group, and SIGKILL after KillDelay.
func (p *process) terminateGroup() {
	delay := cmp.Or(p.KillDelay, defaultKillDelay)
	if delay < 0 || !p.child.Signal(syscall.SIGTERM) {
		p.child.Kill()
		return
	}
	p.killer = time.AfterFunc(delay, p.kill)
}

// killRest kills the processes that remain in the script's group, if the group's id still belongs
// to the script.
func (p *process) killRest() {
	if child.KeepsNumber {
		p.child.Kill()
	}
}

// kill kills the group.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.child.Kill()
	}
}

// await waits until the process has ended, and releases its slot.
func (p *process) await() {
	p.child.Await()
	last := p.noteExit()
	p.release()
	close(p.exited)
	if last {
		p.report()
	}
	p.remove(p)
}

// noteExit notes that the process has ended. It reports whether the Body had ended before: then
// await must report how the process ended.
func (p *process) noteExit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	limit := grace
	if p.cause != nil {
		p.child.Kill() // the processes of the group that SIGTERM did not end
		limit = stderrGrace
	}
	now := time.Now()
	// without effect on Windows, where Read waits for the last writer
	p.stdout.SetReadDeadline(now.Add(limit))
	p.stderr.SetReadDeadline(now.Add(stderrGrace))
	p.stdin.Close()
	stopTimer(p.killer)
	p.reap()
	return p.finished
}

// awaitExit waits until the process has ended: for limit, for exitGrace while the process waits
// only for a processor, and without a bound while the kernel is ending it.
func (p *process) awaitExit(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for waited := limit; ; waited += exitPoll {
		select {
		case <-p.exited:
			return
		case <-timer.C:
		}
		exiting, runnable := p.child.Inspect()
		if !exiting && (!runnable || waited >= exitGrace) {
			return
		}
		timer.Reset(exitPoll)
	}
}

// stopAndWait stops the script and its group, waits until the script has ended, and ends the Body.
func (p *process) stopAndWait() {
	p.mu.Lock()
	if p.ended {
		p.killRest()
	} else {
		p.stopGroup(errClosedEarly)
	}
	p.mu.Unlock()
	<-p.exited
	p.finish()
	<-p.logged
}

// noteComplete notes that all declared bytes of the response were read, and whether the script has
// sent more.
func (p *process) noteComplete(excess bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complete, p.excess = true, excess
}

// bodyState returns whether all declared bytes were read, and whether the Body has ended.
func (p *process) bodyState() (complete, finished bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.complete, p.finished
}

// finish notes that the Body has ended: from now on the end of the request's context does not stop
// the script. It reports whether the process had ended before: then the caller must report how the
// process ended. Otherwise await does.
func (p *process) finish() (ended bool) {
	p.unwatch()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.finished {
		return false
	}
	p.finished = true
	stopTimer(p.patience)
	p.reap()
	if p.ended || p.atEnd {
		p.stdout.Close()
	} else {
		go p.discardExcess()
	}
	return p.ended
}

// discardExcess reads and drops what a script sends after its response, and closes standard output
// at maxExcess.
func (p *process) discardExcess() {
	first, _ := io.CopyN(io.Discard, p.stdout, 1)
	if first > 0 && !p.excess {
		p.log.Warn(fmt.Sprintf("the script %.256q sent more than its response; the rest was dropped", p.path))
	}
	n, _ := io.CopyN(io.Discard, p.stdout, maxExcess)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = n == maxExcess
	p.stdout.Close()
}

// reap frees the process id when both the process and the Body have ended, because then nothing is
// left to stop. The caller holds p.mu.
func (p *process) reap() {
	if p.ended && p.finished && !p.reaped {
		p.reaped = true
		stopTimer(p.timeout)
		p.exit = p.child.Reap()
	}
}

func stopTimer(t *time.Timer) {
	if t != nil {
		t.Stop()
	}
}

// noteEnd notes that standard output was read to its end.
func (p *process) noteEnd() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.atEnd = true
}

// extendGrace restarts the grace period that began when the script ended, because that may be over
// before the output is read.
func (p *process) extendGrace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended && p.cause == nil {
		p.stdout.SetReadDeadline(time.Now().Add(grace))
	}
}
