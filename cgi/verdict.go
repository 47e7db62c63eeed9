package cgi

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
)

// Why a script was stopped, besides what its context says.
var (
	errTimeout = errors.New("cgi: RequestTimeout is over")
	errSilent  = errors.New("cgi: ReadTimeout is over")
	errOutput  = errors.New("cgi: more than MaxOutputBytes")
)

// answer makes the rest of the script's output the body of resp.
func (p *process) answer(r *gateway.Request, resp *gateway.Response, nph bool) {
	b := &scriptBody{ReadCloser: resp.Body, process: p, response: resp, missing: declaredLength(r, resp)}
	resp.Body = b
	if nph && takeChunked(resp) && r.Environ.Get("REQUEST_METHOD") != "HEAD" {
		b.missing = -1
		resp.Body = newChunked(b)
	}
}

// declaredLength is the length that proves a response whole, -1 if there is none.
func declaredLength(r *gateway.Request, resp *gateway.Response) int64 {
	if r.Environ.Get("REQUEST_METHOD") == "HEAD" {
		return 0
	}
	n, err := parseLength(resp.Headers.Get("Content-Length"))
	if err != nil {
		return -1
	}
	return n
}

// scriptBody is the Body of a response: the rest of the script's standard output, with the verdict at its end.
type scriptBody struct {
	io.ReadCloser
	process  *process
	response *gateway.Response
	missing  int64 // bytes until the response is proven whole; negative: nothing can prove it
	end      error // the verdict
}

// Buffered lets gateway.Forward see whether a part of the body came with the head.
func (b *scriptBody) Buffered() int {
	if body, ok := b.ReadCloser.(interface{ Buffered() int }); ok {
		return body.Buffered()
	}
	return 0
}

func (b *scriptBody) Read(p []byte) (int, error) {
	if b.end != nil {
		return 0, b.end
	}
	n, err := b.ReadCloser.Read(p)
	if b.missing >= 0 {
		b.missing = max(b.missing-int64(n), 0)
	}
	if err == io.EOF {
		b.end = b.verdict()
		err = b.end
	}
	return n, err
}

// verdict decides, once the script has ended, whether its response is whole.
func (b *scriptBody) verdict() error {
	b.response.ExitStatus = b.process.exitStatus()
	err := b.process.failure(b.process.AnyExitStatus)
	if err != nil && b.missing != 0 {
		return err
	}
	if err := b.process.failed(); err != nil {
		fmt.Fprintln(b.process.log, err) // nobody else will tell
	}
	return io.EOF
}

// headError explains why there is no response, with what is known of the script's end.
func (p *process) headError(err error) error {
	broken := p.failure(false)
	if broken == nil {
		return err
	}
	broken.Err = fmt.Errorf("%w; %w", broken.Err, err)
	return broken
}

// failure says how the script failed, nil if it did not. The script must have ended.
func (p *process) failure(anyStatus bool) *gateway.BackendError {
	cause := p.stoppedBy()
	switch {
	case errors.Is(cause, errEnded):
		return nil
	case errors.Is(cause, context.DeadlineExceeded), cause == errTimeout, cause == errSilent:
		return &gateway.BackendError{Status: 504, Reason: "the script took too long", Err: p.told(cause)}
	case cause == errOutput:
		return &gateway.BackendError{Status: 502, Reason: "the script sent too much", Err: p.told(cause)}
	case cause != nil:
		return &gateway.BackendError{Status: 502, Reason: "the script was stopped", Err: p.told(cause)}
	case anyStatus && p.ending != nil && p.ending.status >= 0:
		return nil
	}
	if err := p.failed(); err != nil {
		return &gateway.BackendError{Status: 502, Reason: "the script failed", Err: err}
	}
	return nil
}

func (p *process) stoppedBy() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// told names the script that was stopped.
func (p *process) told(cause error) error { return fmt.Errorf("cgi: %.256q: %w", p.path, cause) }

// exitStatus is zero for a script that was ended by a signal.
func (p *process) exitStatus() int {
	if p.ending == nil {
		return 0
	}
	return max(p.ending.status, 0)
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
