package cgi

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/child"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// The causes for stopping a script, besides the end of its context.
var (
	errTimeout = errors.New("RequestTimeout is over")
	errSilent  = errors.New("ReadTimeout is over")
	errOutput  = errors.New("more than MaxOutputBytes")
)

// setBody makes the rest of the script's output the body of resp.
func (p *process) setBody(r *gateway.Request, resp *gateway.Response, nph bool) {
	resp.ExitStatus = child.UnknownStatus
	if removeStrictExit(resp) {
		p.strict = true
	}
	method := r.Environ.Get("REQUEST_METHOD")
	chunks := nph && removeChunked(resp) && method != "HEAD"
	warned := *r
	warned.Stderr = &p.log // its lock is needed, because copyStderr writes too
	b := &scriptBody{DeclaredBody: exchange.NewDeclaredBody(&warned, resp), process: p, response: resp, bodyless: method == "HEAD" || exchange.HasNoBody(resp.Status)}
	resp.Body = b
	if chunks {
		resp.Body = newChunked(b)
	}
}

// scriptBody is the Body of a response: the rest of the script's standard output, and then an error
// that depends on how the script ended.
type scriptBody struct {
	exchange.DeclaredBody
	process  *process
	response *gateway.Response
	bodyless bool  // the response has no body
	end      error // the error of Read at the end; nil before
}

// Read returns io.EOF after the last declared byte, or at the end of standard output. For a
// response without a body it does so at once, because a client with a kept connection sends its
// next request after the head.
func (b *scriptBody) Read(p []byte) (int, error) {
	switch {
	case b.end != nil:
		return 0, b.end
	case b.bodyless:
		b.process.noteComplete(true) // scripts may send a body to HEAD: drop it without a warning
		return 0, b.finish()
	}
	n, err := b.DeclaredBody.Read(p)
	complete := b.Complete()
	if complete {
		b.process.noteComplete(b.Excess())
	}
	if err != nil {
		b.end = b.outcome(err, complete)
		err = b.end
	}
	return n, err
}

// finish ends a body that is complete, whatever its script does.
func (b *scriptBody) finish() error {
	b.end = b.outcome(io.EOF, true)
	return b.end
}

// outcome returns the error of Read at the end of a body. end is io.EOF, or the error of
// DeclaredBody for a body that is too short. If the response is complete, it does not matter how
// the script ended.
func (b *scriptBody) outcome(end error, complete bool) error {
	p := b.process
	if complete {
		p.awaitExit(completeGrace)
		end = io.EOF
	} else if cause := p.stopCause(); cause != nil {
		return p.stopError(cause)
	}
	if !p.finish() {
		return end // await will report how the script ends
	}
	<-p.logged
	b.response.ExitStatus = p.exitStatus()
	if failed := p.exitError(); failed != nil && !complete && p.breaksResponse() {
		return &gateway.BackendError{Status: 502, Reason: "the script failed", Err: failed}
	}
	p.report()
	return end
}

// breaksResponse reports whether the end of the script breaks a response of unknown length: after a
// signal, and with strict also after an exit status that is not zero.
func (p *process) breaksResponse() bool {
	return p.strict || p.exit != nil && p.exit.Status == child.UnknownStatus
}

// headError returns why the script sent no valid head. err is the error of ReadResponse. The script
// has ended.
func (p *process) headError(err error) error {
	if cause := p.stopCause(); cause != nil && cause != errClosedEarly {
		stopped := p.stopError(cause)
		switch s := stopped.(type) {
		case *gateway.BackendError:
			s.Err = fmt.Errorf("%w; %w", s.Err, err)
		case *gateway.ServerError:
			s.Err = fmt.Errorf("%w; %w", s.Err, err)
		}
		return stopped
	}
	if failed := p.exitError(); failed != nil && p.stopCause() == nil {
		return &gateway.BackendError{Status: 502, Reason: "the script failed", Err: fmt.Errorf("%w; %w", failed, err)}
	}
	return err
}

// stopCause returns why the script was stopped, or nil if it was not.
func (p *process) stopCause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// stopError returns the error of an exchange whose script was stopped.
func (p *process) stopError(cause error) error {
	switch {
	case errors.Is(cause, context.DeadlineExceeded), cause == errTimeout, cause == errSilent:
		return &gateway.BackendError{Status: 504, Reason: "the script took too long", Err: p.named(cause)}
	case cause == errOutput:
		return &gateway.BackendError{Status: 502, Reason: "the script sent too much", Err: p.named(cause)}
	case cause == ErrClosed:
		return closedError(p.named(cause))
	}
	return cause // the failure of the client's body, or the end of the context
}

// named adds the path of the script to err.
func (p *process) named(err error) error { return fmt.Errorf("cgi: %.256q: %w", p.path, err) }

// exitStatus returns the exit status of a script that has ended.
func (p *process) exitStatus() int {
	if p.exit == nil {
		return child.UnknownStatus
	}
	return p.exit.Status
}

// exitError returns an error if the script did not end with exit status 0.
func (p *process) exitError() error {
	switch {
	case p.exit == nil:
		return fmt.Errorf("cgi: %.256q: the system does not tell how it ended", p.path)
	case p.exit.Status != 0:
		return fmt.Errorf("cgi: %.256q: %s", p.path, p.exit.Text)
	}
	return nil
}

// report logs how the script ended, if the response does not show it. It is called once. If this
// process has ended the script, that is logged only if the script ran for too long or Close has
// stopped it.
func (p *process) report() {
	<-p.logged
	p.mu.Lock()
	cause, ourPipe := p.cause, p.cut && p.exit != nil && p.exit.BrokenPipe
	p.mu.Unlock()
	switch {
	case cause == errTimeout, cause == ErrClosed:
		p.log.report(p.named(cause))
	case cause == nil && !ourPipe:
		if failed := p.exitError(); failed != nil {
			p.log.report(failed)
		}
	}
}
