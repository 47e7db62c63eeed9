package cgi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

const (
	// grace is how long a standard output that outlives its script, in a process the script has
	// left behind, may be silent before it is taken for ended. Apache and lighttpd wait for its
	// end, which may never come.
	grace = 2 * time.Second

	// stderrGrace is the same for standard error, whose end a response need not wait for: all that
	// the script wrote is there. It is also what is left for standard output after a script that
	// was stopped.
	stderrGrace = 100 * time.Millisecond

	// exitGrace is how long the end of a response waits for the exit status of a script that has
	// closed its standard output.
	exitGrace = 100 * time.Millisecond

	// completeGrace is the same where the response has all its declared bytes: long enough for the
	// exit status of most scripts to be told with their response, too short to be noticed.
	completeGrace = 10 * time.Millisecond

	// exitPoll is how often a script that takes longer is looked at.
	exitPoll = 10 * time.Millisecond

	// maxExcess is how much of the standard output that follows a complete response is read, in
	// bytes, before it is closed. It lets a script go on that sends a little more than it declared,
	// and bounds one that writes without end.
	maxExcess = 1 << 20
)

// errClosedEarly is the cause of stopping a script in which nothing is wrong.
var errClosedEarly = errors.New("cgi: the Body was closed before its end")

// watch begins all that runs beside the reading of standard output.
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

// checkProgress stops the script if it has made others wait for so long, and else looks again when
// it might have.
func (p *process) checkProgress(limit time.Duration) {
	left := p.progress.left(limit)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	// what may be silent now are processes that the script has left behind
	case p.ended || p.finished:
	case left <= 0:
		p.stopGroup(errSilent)
	default:
		p.patience.Reset(left)
	}
}

// abort stops the script for a reason that concerns only its response. Once that is complete it
// does nothing.
func (p *process) abort(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.finished && !p.complete {
		p.stopGroup(cause)
	}
}

// stop stops the script until both it and the Body have ended. An output that none can write to any
// more stays as it is: all of it is there, however late it is read.
func (p *process) stop(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended || !p.finished && !writersGone(p.stdout) {
		p.stopGroup(cause)
	}
}

// stopGroup stops the script and its group. The first cause is the one that counts. p.mu is locked,
// as for the next two.
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

// terminateGroup asks the group to end, and kills it after KillDelay.
func (p *process) terminateGroup() {
	delay := cmp.Or(p.KillDelay, defaultKillDelay)
	if delay < 0 || !p.child.terminate() {
		p.child.kill()
		return
	}
	p.killer = time.AfterFunc(delay, p.kill)
}

// killRest ends what the script has left behind of its group, where the group's number is still the
// script's.
func (p *process) killRest() {
	if keepsNumber {
		p.child.kill()
	}
}

// kill ends the group for good.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		p.child.kill()
	}
}

// await waits until the process has ended, and gives its slot back.
func (p *process) await() {
	p.child.await()
	alone := p.noteExit()
	p.release()
	close(p.exited)
	if alone {
		p.report()
	}
	p.forget(p)
}

// noteExit reports whether the Body had ended before the process, so that only await is there to
// tell how that ended.
func (p *process) noteExit() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	rest := grace
	if p.cause != nil {
		p.child.kill() // the processes of the group that SIGTERM did not end
		rest = stderrGrace
	}
	now := time.Now()
	// not on Windows, where Read waits until the last writer is gone
	p.stdout.SetReadDeadline(now.Add(rest))
	p.stderr.SetReadDeadline(now.Add(stderrGrace))
	p.stdin.Close()
	stopTimer(p.killer)
	p.reap()
	return p.finished
}

// awaitExit waits until the process has ended: for limit, for exitGrace while only a busy machine
// keeps it from that, and longer while the kernel is ending it.
func (p *process) awaitExit(limit time.Duration) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for waited := limit; ; waited += exitPoll {
		select {
		case <-p.exited:
			return
		case <-timer.C:
		}
		exiting, runnable := p.child.look()
		if !exiting && (!runnable || waited >= exitGrace) {
			return
		}
		timer.Reset(exitPoll)
	}
}

// stopAndWait stops the script and what it has left behind, and ends the Body.
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

// noteComplete notes that all declared bytes of the response were read, and whether more than
// these.
func (p *process) noteComplete(excess bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complete, p.excess = true, excess
}

// bodyState tells how far the Body is.
func (p *process) bodyState() (complete, finished bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.complete, p.finished
}

// finish notes that the Body has ended: the request's context does not concern the script any more.
// It reports whether the process had ended before, so that the caller is to report how; await does
// so otherwise.
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
		go p.drain()
	}
	return p.ended
}

// drain reads what a script sends that has sent all of its response, and closes standard output
// when that gets too much.
func (p *process) drain() {
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

// reap frees the process's number once nothing is to be stopped any more. p.mu is locked.
func (p *process) reap() {
	if p.ended && p.finished && !p.reaped {
		p.reaped = true
		stopTimer(p.timeout)
		p.ending = p.child.reap()
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

// extendGrace gives a standard output that outlives the script its time: what was given when the
// script ended may be long over.
func (p *process) extendGrace() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended && p.cause == nil {
		p.stdout.SetReadDeadline(time.Now().Add(grace))
	}
}
