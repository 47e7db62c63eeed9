package cgi

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// Why a script was stopped, besides what its context says.
var (
	errTimeout = errors.New("RequestTimeout is over")
	errSilent  = errors.New("ReadTimeout is over")
	errOutput  = errors.New("more than MaxOutputBytes")
)

// unknownStatus is an exit status that is not known, or that a process ended by a signal does not
// have.
const unknownStatus = -1

// answer makes the rest of the script's output the body of resp.
func (p *process) answer(r *gateway.Request, resp *gateway.Response, nph bool) {
	resp.ExitStatus = unknownStatus
	if takeStrictExit(resp) {
		p.strict = true
	}
	method := r.Environ.Get("REQUEST_METHOD")
	chunks := nph && takeChunked(resp) && method != "HEAD"
	warned := *r
	warned.Stderr = &p.log // while copyStderr writes to it
	b := &scriptBody{DeclaredBody: exchange.NewDeclaredBody(&warned, resp), process: p, response: resp, bodyless: method == "HEAD" || exchange.HasNoBody(resp.Status)}
	resp.Body = b
	if chunks {
		resp.Body = newChunked(b)
	}
}

// scriptBody is the Body of a response: the rest of the script's standard output, and at its end
// what became of the script.
type scriptBody struct {
	exchange.DeclaredBody
	process  *process
	response *gateway.Response
	bodyless bool  // the head was all of the response
	end      error // what Read gives at the end
}

// Read gives io.EOF after the last declared byte, or at the end of standard output.
func (b *scriptBody) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.DeclaredBody.Read(p)
	complete := b.Complete()
	if complete {
		b.process.noteComplete(b.Excess())
	}
	if err != nil {
		b.end = b.outcome(err, complete || b.bodyless)
		err = b.end
	}
	return n, err
}

// complete ends a body that has told its end by itself.
func (b *scriptBody) complete() error {
	b.end = b.outcome(io.EOF, true)
	return b.end
}

// outcome decides what a body ends with that came to its end, which is io.EOF unless DeclaredBody
// found it too short. For one that is complete it does not matter what became of the script.
func (b *scriptBody) outcome(end error, complete bool) error {
	p := b.process
	if complete {
		p.awaitExit(completeGrace)
		end = io.EOF
	} else if cause := p.stoppedBy(); cause != nil {
		return p.stopped(cause)
	}
	if !p.finish() {
		return end // await reports the script's own end
	}
	<-p.logged
	b.response.ExitStatus = p.exitStatus()
	if failed := p.failed(); failed != nil && !complete && p.breaks() {
		return &gateway.BackendError{Status: 502, Reason: "the script failed", Err: failed}
	}
	p.report()
	return end
}

// breaks reports whether a response of unknown length is broken by how the script ended: by a
// signal, or with a status where that counts.
func (p *process) breaks() bool {
	return p.strict || p.ending != nil && p.ending.status == unknownStatus
}

// headError explains why there is no response, with what is known of the script's end. The script
// has ended.
func (p *process) headError(err error) error {
	if cause := p.stoppedBy(); cause != nil && cause != errClosedEarly {
		stopped := p.stopped(cause)
		if broken, ok := stopped.(*gateway.BackendError); ok {
			broken.Err = fmt.Errorf("%w; %w", broken.Err, err)
		}
		return stopped
	}
	if failed := p.failed(); failed != nil && p.stoppedBy() == nil {
		return &gateway.BackendError{Status: 502, Reason: "the script failed", Err: fmt.Errorf("%w; %w", failed, err)}
	}
	return err
}

func (p *process) stoppedBy() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// stopped is what a client hears of a script that was stopped.
func (p *process) stopped(cause error) error {
	switch {
	case errors.Is(cause, context.DeadlineExceeded), cause == errTimeout, cause == errSilent:
		return &gateway.BackendError{Status: 504, Reason: "the script took too long", Err: p.named(cause)}
	case cause == errOutput:
		return &gateway.BackendError{Status: 502, Reason: "the script sent too much", Err: p.named(cause)}
	case cause == ErrClosed:
		return &gateway.BackendError{Status: 503, Reason: "the server is shutting down", Err: p.named(cause)}
	}
	return cause // of the client's body or of the context: no fault of the script
}

// named names the script that err is about.
func (p *process) named(err error) error { return fmt.Errorf("cgi: %.256q: %w", p.path, err) }

// exitStatus is that of a script that has ended.
func (p *process) exitStatus() int {
	if p.ending == nil {
		return unknownStatus
	}
	return p.ending.status
}

// failed tells of an end that is no success.
func (p *process) failed() error {
	switch {
	case p.ending == nil:
		return fmt.Errorf("cgi: %.256q: the system does not tell how it ended", p.path)
	case p.ending.status != 0:
		return fmt.Errorf("cgi: %.256q: %s", p.path, p.ending.text)
	}
	return nil
}

// report tells the log, once, how the script ended, where the response does not show it. What this
// process did to the script says nothing about the script, unless the script ran for too long.
func (p *process) report() {
	<-p.logged
	p.mu.Lock()
	cause, ourPipe := p.cause, p.cut && p.ending != nil && p.ending.brokenPipe
	p.mu.Unlock()
	switch {
	case cause == errTimeout, cause == ErrClosed:
		p.log.tell(p.named(cause))
	case cause == nil && !ourPipe:
		if failed := p.failed(); failed != nil {
			p.log.tell(failed)
		}
	}
}
