package cgi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

const (
	// grace is how long a standard output that outlives its script, in a process the script has left behind, may be silent before
	// it is taken for ended. Apache and lighttpd wait for ever, which such a process can make true.
	grace = 2 * time.Second

	// stderrGrace is the same for standard error, whose end a response need not wait for: all that the script wrote is there.
	stderrGrace = 100 * time.Millisecond

	// quick is how long a script may run before goroutines of its own look after its standard error and its end. Most have ended
	// by then, and all of it is done by who reads the end of their output. It is no longer, since what a script says in the
	// meantime waits, and a script that says more than a pipe holds waits too.
	quick = 50 * time.Millisecond
)

// errEnded is the cause of stopping a script in which nothing is wrong.
var errEnded = errors.New("cgi: the exchange is over")

// process is a script that runs. Its Read and Close are those of the script's standard output.
type process struct {
	*Script
	command
	log io.Writer // the request's Stderr

	child    *child
	stdin    *os.File // nil for a request without body
	stdout   *os.File
	stderr   *os.File
	read     int64 // bytes of standard output
	progress progress

	ended    sync.Once
	logged   sync.Once
	mu       sync.Mutex
	unwatch  func() bool // ends the watch over the context
	timers   []*time.Timer
	patience *time.Timer // one of them
	cause    error       // why the script was stopped, nil if it ended by itself
	reaped   bool
	ending   *ending // nil where the system lost it
}

// start runs the script, with the files of its other side closed in this process.
func (s *Script) start(r *gateway.Request, c command, body io.Reader) (*process, error) {
	if err := c.place(); err != nil {
		return nil, err
	}
	s.inherited.Do(closeInherited)
	catchIgnored()
	p := &process{Script: s, command: c, log: cmp.Or[io.Writer](r.Stderr, os.Stderr)}
	theirs, err := p.pipes(body != nil)
	if err == nil {
		err = p.launch(theirs)
	}
	closeAll(theirs)
	if err != nil {
		closeAll([]*os.File{p.stdin, p.stdout, p.stderr})
		return nil, err
	}
	if body != nil {
		go p.feed(body)
	}
	p.watch(r.Context())
	return p, nil
}

// pipes makes the three streams and returns the script's ends of them.
func (p *process) pipes(body bool) (theirs []*os.File, err error) {
	theirs = make([]*os.File, 3)
	if body {
		p.stdin, theirs[0], err = newPipe(1)
	} else {
		theirs[0], err = os.Open(os.DevNull)
	}
	if err == nil {
		p.stdout, theirs[1], err = newPipe(0)
	}
	if err == nil {
		p.stderr, theirs[2], err = newPipe(0)
	}
	return theirs, err
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close() // closing a nil *os.File does nothing
	}
}

// launch starts the program. One that cannot be bounded does not run on.
func (p *process) launch(files []*os.File) (err error) {
	if p.RunAs != nil {
		for _, f := range files[1:] { // to open /dev/stdout or /dev/stderr, as scripts do, one must own the pipe
			if err := f.Chown(int(p.RunAs.UID), int(p.RunAs.GID)); err != nil {
				return err
			}
		}
	}
	p.child, err = startChild(p.command, append([]string{p.path}, p.Args...), files, p.RunAs)
	if err != nil {
		return explain(p.path, err)
	}
	if err := p.Limits.apply(p.child.pid); err != nil {
		p.child.kill()
		p.child.await()
		p.child.reap()
		return err
	}
	return nil
}

// watch has the script stopped with the context, and looked after if it is not over quickly.
func (p *process) watch(ctx context.Context) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unwatch = context.AfterFunc(ctx, func() { p.abandon(context.Cause(ctx)) })
	p.timers = append(p.timers, time.AfterFunc(quick, p.lookAfter))
	if p.RequestTimeout > 0 {
		p.timers = append(p.timers, time.AfterFunc(p.RequestTimeout, func() { p.stop(errTimeout) }))
	}
}

// lookAfter is for a script that takes its time.
func (p *process) lookAfter() {
	go p.handOn()
	if limit := cmp.Or(p.ReadTimeout, defaultReadTimeout); limit > 0 {
		p.mu.Lock()
		if !p.reaped {
			p.patience = time.AfterFunc(limit, func() { p.checkProgress(limit) })
			p.timers = append(p.timers, p.patience)
		}
		p.mu.Unlock()
	}
	p.end()
}

// checkProgress stops the script if it has made others wait for so long, and else looks again when it might have.
func (p *process) checkProgress(limit time.Duration) {
	left := p.progress.left(limit)
	if left <= 0 {
		p.stop(errSilent)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.patience.Reset(left)
	}
}

// stop has the script's group end, if the script has not by itself. The first cause is the one that counts.
func (p *process) stop(cause error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil && !p.reaped {
		p.cause = cause
		p.endGroup()
	}
}

// abandon stops the script for a context that ended, or the reading of its output, which others may hold when it has ended.
func (p *process) abandon(cause error) {
	p.stop(cause)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause == nil {
		p.cause = cause
		p.stdout.SetReadDeadline(time.Unix(1, 0))
	}
}

// endGroup asks first.
func (p *process) endGroup() {
	delay := cmp.Or(p.KillDelay, defaultKillDelay)
	if delay < 0 || !p.child.terminate() {
		p.child.kill()
		return
	}
	p.timers = append(p.timers, time.AfterFunc(delay, p.kill))
}

// kill ends the group for good, unless its number may be another's by now.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.reaped {
		p.child.kill()
	}
}

// end waits until the script has ended, and cleans up behind it.
func (p *process) end() { p.ended.Do(p.reap) }

// handOn hands standard error on, to its end.
func (p *process) handOn() { p.logged.Do(p.copyStderr) }

func (p *process) reap() {
	p.child.await()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cause != nil {
		p.child.kill() // those of the group whom SIGTERM did not end
	}
	p.ending, p.reaped = p.child.reap(), true
	for _, t := range p.timers {
		t.Stop()
	}
	p.stdin.Close()
	now := time.Now()
	p.stdout.SetReadDeadline(now.Add(grace)) // not on Windows, where Read waits until the last writer is gone
	p.stderr.SetReadDeadline(now.Add(stderrGrace))
	p.queue.leave()
}

// bear gives a standard output that outlives the script its time: what was given when the script ended may be long over.
func (p *process) bear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.reaped && p.cause == nil {
		p.stdout.SetReadDeadline(time.Now().Add(grace))
	}
}

// Read gives io.EOF only once the script has ended and its standard error is handed on.
func (p *process) Read(b []byte) (int, error) {
	p.progress.begin()
	defer p.progress.pause()
	p.bear()
	n, err := p.stdout.Read(b)
	p.read += int64(n)
	if over := p.read - p.MaxOutputBytes; p.MaxOutputBytes > 0 && over > 0 {
		p.stop(errOutput)
		n, err = n-int(min(over, int64(n))), io.EOF
	}
	if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
		p.end()
		p.handOn()
		err = io.EOF
	}
	return n, err
}

// Close stops the script if it has not ended, and waits until it has. It does not wait for feed, which may be waiting for the client.
func (p *process) Close() error {
	p.unwatch()
	p.stop(errEnded)
	p.end()
	p.handOn()
	return p.stdout.Close()
}
