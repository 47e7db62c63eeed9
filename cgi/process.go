package cgi

import (
	"cmp"
	"errors"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// process is a script that runs. Its Read and Close are those of the script's standard output. Two
// things end, in either order: the process, and the Body that reads from it. The group can be
// signalled until both have, for the process stays a zombie until then, so that its number is not
// given to another.
type process struct {
	*Script
	command
	log errorLog

	child    *child
	stdin    *os.File // nil for a request without body
	stdout   *os.File
	stderr   *os.File
	read     int64 // bytes of standard output
	strict   bool  // the response is complete only with exit status 0
	progress progress

	unwatch func() bool   // ends the watch over the request's context
	exited  chan struct{} // closed when the process has ended and its slot is free
	logged  chan struct{} // closed when standard error was read to its end

	mu       sync.Mutex
	timeout  *time.Timer // RequestTimeout; nil for none
	patience *time.Timer // ReadTimeout; nil for none
	killer   *time.Timer // KillDelay; nil until the group was asked to end
	cause    error       // why the script was stopped; nil if it was not
	ended    bool        // the process has ended
	complete bool        // all declared bytes of the response were read
	excess   bool        // and more than these, which was logged
	finished bool        // the Body has ended
	reaped   bool        // both have
	ending   *ending     // set by then; nil also where the system lost it
	atEnd    bool        // standard output was read to its end
	cut      bool        // standard output was closed before that
}

// start runs the script, with the files of its other side closed in this process. Nothing is run
// for a context that has ended.
func (s *Script) start(r *gateway.Request, c command, body io.Reader) (*process, error) {
	if err := c.place(); err != nil {
		return nil, err
	}
	if err := s.prepare(); err != nil {
		return nil, err
	}
	p := &process{Script: s, command: c, exited: make(chan struct{}), logged: make(chan struct{}), strict: s.StrictExit, log: newErrorLog(r)}
	theirs, err := p.pipes(body != nil)
	if err == nil && r.Context().Err() != nil {
		err = errContextEnded
	}
	if err == nil {
		err = p.launch(theirs)
	}
	closeAll(theirs)
	if err != nil {
		closeAll([]*os.File{p.stdin, p.stdout, p.stderr})
		return nil, err
	}
	s.register(p)
	p.watch(r.Context())
	if body != nil {
		go p.copyBody(body)
	}
	return p, nil
}

// errContextEnded is why nothing was run.
var errContextEnded = errors.New("cgi: the request's context has ended")

// prepare keeps what this process was started with from the scripts, once.
func (s *Script) prepare() error {
	s.line.Lock()
	defer s.line.Unlock()
	if s.prepared {
		return nil
	}
	if err := closeInherited(); err != nil {
		return err
	}
	catchIgnored()
	s.prepared = true
	return nil
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
		// to open /dev/stdout or /dev/stderr, as scripts do, one must own the pipe
		for _, f := range files[1:] {
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

// Read gives io.EOF at the end of standard output, once awaitExit has waited for that of the
// process.
func (p *process) Read(b []byte) (int, error) {
	p.progress.begin()
	defer p.progress.pause()
	p.extendGrace()
	n, err := p.stdout.Read(b)
	p.read += int64(n)
	if over := p.read - p.MaxOutputBytes; p.MaxOutputBytes > 0 && over > 0 {
		p.abort(errOutput)
		n, err = n-int(min(over, int64(n))), io.EOF
	}
	if err != nil { // the end, or a deadline that stopGroup or noteExit has set
		p.noteEnd()
		if p.strict {
			<-p.exited
		}
		p.awaitExit(exitGrace)
		err = io.EOF
	}
	return n, err
}

// Close ends the exchange. Where the response is not complete, the script is stopped, and Close
// waits until it has ended. Otherwise the script may run on: it gets no more of the request's body,
// and what it writes to standard error is not for the request's Stderr any more. Close does not
// wait for copyBody, which may be waiting for the client.
func (p *process) Close() error {
	switch complete, finished := p.bodyState(); {
	case finished:
	case !complete:
		p.stopAndWait()
	case p.finish(): // all was read but io.EOF
		p.report()
	}
	p.stdin.Close()
	p.log.leave(cmp.Or[io.Writer](p.Stderr, os.Stderr))
	return nil
}
