package cgi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// Script is the gateway.Backend that starts a CGI script for each request. It is safe for concurrent use; its fields must not
// change while it is used.
//
// The script gets the request's meta-variables as its environment, and besides them only GATEWAY_INTERFACE, this process's
// PATH and Env (RFC 3875 section 7.2). Its arguments are Args; the query never becomes one, which section 4.4 allows and
// CVE-2012-1823 is about. What it writes to standard error goes to the request's Stderr.
//
// A response ends when the script has closed its standard output and ended. Where a process that the script has left behind keeps
// standard output open, it ends once that has been silent for some seconds. The Body gives a *gateway.BackendError in place of
// io.EOF when the script was ended by a signal, or with an exit status that is not zero: [Serve] says in this way that a response is
// not whole. A response to HEAD and one as long as its Content-Length says are whole, whatever came after them.
//
// Ending the request's context, and closing the Body early, kill the script; on Unix with its process group, so that what it has
// started goes too.
//
// Of the complete HTTP response of an nph script only the status line is understood; a chunked body stays chunked.
//
// The length of a request body must be known; an unknown one gives gateway.ErrLengthRequired, since CGI has no chunks (RFC 3875
// section 4.1.2). A script that does not read its body gets to answer all the same.
type Script struct {
	// Path is the program's file. It is not looked for in PATH. It must be set.
	Path string

	// Dir is the folder that the script runs in. Empty means the one that Path is in (RFC 3875 section 7.2).
	Dir string

	// Args are the arguments that follow the program's name.
	Args []string

	// Env is added to the script's environment, "NAME=value" each. It overrides the request's variables.
	Env []string

	// AnyExitStatus takes a response for whole whatever status the script exits with, as Apache and lighttpd do. Death by a signal
	// is a failure still.
	AnyExitStatus bool

	// MaxHeadBytes bounds the head of the response, in bytes. Zero and negative mean 64 KiB.
	MaxHeadBytes int
}

// RoundTrip implements gateway.Backend.
func (s *Script) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	stdin, err := requestBody(r)
	if err != nil {
		return nil, err
	}
	p, err := s.start(r, stdin)
	if err != nil {
		return nil, &gateway.BackendError{Status: 502, Reason: "the script cannot be started", Err: err}
	}
	resp, err := gateway.ReadResponse(p, s.MaxHeadBytes)
	if err != nil {
		return nil, p.headError(err)
	}
	resp.Body = &scriptBody{
		ReadCloser: resp.Body,
		process:    p,
		response:   resp,
		missing:    declaredLength(r, resp),
		lenient:    s.AnyExitStatus,
	}
	return resp, nil
}

// requestBody returns what the script is to read, nil for nothing. A body whose length is unknown may still prove to be none: a
// server that has a stream for every request sends an empty one with a GET.
func requestBody(r *gateway.Request) (io.Reader, error) {
	switch {
	case r.Stdin == nil || r.Environ.Get("CONTENT_LENGTH") == "0":
		return nil, nil
	case r.Environ.Get("CONTENT_LENGTH") != "":
		return r.Stdin, nil
	}
	n, err := io.ReadFull(r.Stdin, make([]byte, 1))
	switch {
	case n > 0:
		return nil, gateway.ErrLengthRequired
	case err != io.EOF:
		return nil, err
	}
	return nil, nil
}

// environ is the script's whole environment.
func (s *Script) environ(r *gateway.Request) []string {
	e := r.Environ.Clone()
	e.Set("GATEWAY_INTERFACE", "CGI/1.1")
	if path, ok := os.LookupEnv("PATH"); ok {
		e.Set("PATH", path)
	}
	for name, value := range util.EnvironFromList(s.Env).All() {
		e.Set(name, value)
	}
	return e.List()
}

// place returns the absolute path of the program, which would otherwise be looked for in the folder it is run in, and that folder.
func (s *Script) place() (path, dir string, err error) {
	if path, err = filepath.Abs(s.Path); err != nil {
		return "", "", err
	}
	return path, cmp.Or(s.Dir, filepath.Dir(path)), nil
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
	lenient  bool
}

func (b *scriptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.missing >= 0 {
		b.missing = max(b.missing-int64(n), 0)
	}
	if err == io.EOF {
		err = b.verdict()
	}
	return n, err
}

// verdict decides, once the script has ended, whether its response is whole.
func (b *scriptBody) verdict() error {
	b.response.ExitStatus = max(b.process.state().ExitCode(), 0)
	if b.missing == 0 {
		return io.EOF
	}
	if err := b.process.failure(b.lenient); err != nil {
		return err
	}
	return io.EOF
}

// headError explains why there is no response, with what is known of the script's end.
func (p *process) headError(err error) error {
	if broken := p.failure(false); broken != nil {
		var b *gateway.BackendError
		if errors.As(broken, &b) {
			b.Err = fmt.Errorf("%w; %w", b.Err, err)
		}
		return broken
	}
	return err
}

// failure says how the script failed, nil if it did not. It waits for the script's end.
func (p *process) failure(lenient bool) error {
	state := p.state()
	switch {
	case state.Success() || errors.Is(p.cause, errEnded):
		return nil
	case errors.Is(p.cause, context.DeadlineExceeded):
		return &gateway.BackendError{Status: 504, Reason: "the script took too long", Err: p.cause}
	case p.cause != nil:
		return &gateway.BackendError{Status: 502, Reason: "the script was stopped", Err: p.cause}
	case lenient && state.Exited():
		return nil
	}
	return &gateway.BackendError{Status: 502, Reason: "the script failed", Err: fmt.Errorf("cgi: %.256q: %s", p.cmd.Path, state)}
}
