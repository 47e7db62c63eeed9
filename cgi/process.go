package cgi

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/child"
)

// process is a running script. Read and Close work on the script's standard output. The process and
// the Body that reads from it end in either order. The process stays a zombie until both have
// ended, so that its id is not used again and its group can be signalled.
type process struct {
	*Script
	command
	log errorLog

	child    *child.Child
	stdin    *os.File // nil for a request without body
	stdout   *os.File
	stderr   *os.File
	read     int64 // bytes of standard output read so far
	strict   bool  // the response is complete only with exit status 0
	progress progress

	unwatch func() bool   // stops the watch of the request's context
	exited  chan struct{} // closed when the process has ended and its slot is free
	logged  chan struct{} // closed when standard error was read to its end

	mu       sync.Mutex
	timeout  *time.Timer // RequestTimeout; nil for none
	patience *time.Timer // ReadTimeout; nil for none
	killer   *time.Timer // KillDelay; nil until SIGTERM was sent
	cause    error       // why the script was stopped; nil if it was not
	ended    bool        // the process has ended
	complete bool        // all declared bytes of the response were read
	excess   bool        // the script has sent more, which was logged
	finished bool        // the Body has ended
	reaped   bool        // the process and the Body have ended, and the process id is free
	exit     *child.Exit // set when reaped; nil also if the system has lost it
	atEnd    bool        // standard output was read to its end
	cut      bool        // standard output was closed before its end
}

// start starts the script, and closes the script's ends of the pipes in this process. If the
// context has ended, it starts nothing.
func (s *Script) start(r *gateway.Request, c command, body io.Reader) (*process, error) {
	if err := c.resolvePaths(); err != nil {
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

// errContextEnded is the error of start if the context has ended.
var errContextEnded = errors.New("cgi: the request's context has ended")

// prepare prevents, once, that scripts inherit the descriptors and the ignored signals with which
// this process was started.
func (s *Script) prepare() error {
	s.line.Lock()
	defer s.line.Unlock()
	if s.prepared {
		return nil
	}
	if err := child.CloseInherited(); err != nil {
		return fmt.Errorf("cgi: %w", err)
	}
	child.CatchIgnored()
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

// launch starts the program.
func (p *process) launch(files []*os.File) (err error) {
	if p.RunAs != nil {
		// a script that opens /dev/stdout or /dev/stderr must own the pipe
		for _, f := range files[1:] {
			if err := f.Chown(int(p.RunAs.UID), int(p.RunAs.GID)); err != nil {
				return err
			}
		}
	}
	p.child, err = child.Start(child.Command{
		Path: p.path, Args: append([]string{p.path}, p.Args...), Dir: p.dir, Env: p.env, Files: files,
		RunAs: (*child.Credential)(p.RunAs), Limits: child.Limits(p.Limits),
	})
	if err != nil {
		return explain(p.path, p.dir, err)
	}
	return nil
}

// Read reads standard output. At its end it waits for the exit of the process, as awaitExit does,
// and returns io.EOF.
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
	if err != nil { // the end of the output, or a deadline that stopGroup or noteExit has set
		p.noteEnd()
		if p.strict {
			<-p.exited
		}
		p.awaitExit(exitGrace)
		err = io.EOF
	}
	return n, err
}

// Close ends the exchange. If the response is incomplete, Close stops the script and waits until it
// has ended. Otherwise the script may run on: it gets no more of the request's body, and what it
// writes to standard error goes to Script.Stderr. Close does not wait for copyBody, which may be
// waiting for the client.
func (p *process) Close() error {
	switch complete, finished := p.bodyState(); {
	case finished:
	case !complete:
		p.stopAndWait()
	case p.finish(): // everything was read, except io.EOF
		p.report()
	}
	p.stdin.Close()
	p.log.redirect(cmp.Or[io.Writer](p.Stderr, os.Stderr))
	return nil
}
