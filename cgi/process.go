package cgi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// grace is how long a standard output or error that outlives its script, in a process the script has left behind, may be silent
// before it is taken for ended. Apache and lighttpd wait for ever, which such a process can make true.
const grace = 2 * time.Second

// errEnded is the cause by which a process's context ends when nothing is wrong.
var errEnded = errors.New("cgi: the exchange is over")

// process is a script that runs. Its Read and Close are those of the script's standard output.
type process struct {
	cmd    *exec.Cmd
	ctx    context.Context // its end kills the script
	end    context.CancelCauseFunc
	stdin  *os.File // nil for a request without body
	stdout *os.File
	exited chan struct{} // closed once cmd was waited for and cause is set
	cause  error         // why the script was killed, nil if it ended by itself
}

// start runs the script, with the files of its other side closed in this process.
func (s *Script) start(r *gateway.Request, stdin io.Reader) (*process, error) {
	path, dir, err := s.place()
	if err != nil {
		return nil, err
	}
	p := &process{exited: make(chan struct{})}
	p.ctx, p.end = context.WithCancelCause(r.Context())
	p.cmd = exec.CommandContext(p.ctx, path, s.Args...)
	p.cmd.Dir = dir
	p.cmd.Env = s.environ(r)
	p.cmd.Stderr = cmp.Or[io.Writer](r.Stderr, os.Stderr)
	p.cmd.WaitDelay = grace
	inGroup(p.cmd)
	if err := p.launch(stdin != nil); err != nil {
		p.end(errEnded)
		return nil, err
	}
	go p.wait()
	if stdin != nil {
		go p.feed(stdin)
	}
	return p, nil
}

// launch makes the pipes and starts the program.
func (p *process) launch(body bool) (err error) {
	var theirs []*os.File
	defer func() {
		if err != nil {
			theirs = append(theirs, p.stdin, p.stdout)
		}
		for _, f := range theirs {
			f.Close() // closing a nil *os.File does nothing
		}
	}()
	if body {
		in, ours, err := os.Pipe()
		if err != nil {
			return err
		}
		theirs, p.cmd.Stdin, p.stdin = append(theirs, in), in, ours
	}
	ours, out, err := os.Pipe()
	if err != nil {
		return err
	}
	theirs, p.cmd.Stdout, p.stdout = append(theirs, out), out, ours
	return p.cmd.Start()
}

// wait reaps the script.
func (p *process) wait() {
	p.cmd.Wait() // what it says is in ProcessState, but that standard error was still open, which is no failure
	p.cause = context.Cause(p.ctx)
	p.stdin.Close()
	p.stdout.SetReadDeadline(time.Now().Add(grace)) // not on Windows, where Read waits until the last writer is gone
	close(p.exited)
}

// state is how the script ended.
func (p *process) state() *os.ProcessState {
	<-p.exited
	return p.cmd.ProcessState
}

// feed hands the request body to the script, which need not read it. A body that breaks off kills the script: it must not be
// taken for a whole one.
func (p *process) feed(body io.Reader) {
	source := &sourceReader{Reader: body}
	io.Copy(p.stdin, source)
	if source.err != nil && source.err != io.EOF {
		p.end(source.err)
	}
	p.stdin.Close()
}

// sourceReader remembers its reader's error: io.Copy does not tell which side failed.
type sourceReader struct {
	io.Reader
	err error
}

func (r *sourceReader) Read(p []byte) (n int, err error) {
	n, r.err = r.Reader.Read(p)
	return n, r.err
}

// Read gives io.EOF only once the script has ended.
func (p *process) Read(b []byte) (int, error) {
	n, err := p.stdout.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) { // set when the script ended, and perhaps long past: there may be more by now
		p.stdout.SetReadDeadline(time.Now().Add(grace))
		n, err = p.stdout.Read(b)
	}
	if err == io.EOF || errors.Is(err, os.ErrDeadlineExceeded) {
		<-p.exited
		return n, io.EOF
	}
	return n, err
}

// Close kills the script if it has not ended, and waits until it has. It does not wait for feed, which may be waiting for the client.
func (p *process) Close() error {
	p.end(errEnded)
	<-p.exited
	return p.stdout.Close()
}
