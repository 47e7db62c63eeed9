package gateway

import (
	"context"
	"io"

	"github.com/cgikit/cgikit/headers"
)

// Local returns a Backend that runs app in this process, each exchange in its own goroutine. It is
// the counterpart of [Forward]. The App gets a copy of the environ, and the request's Stdin and
// Stderr. It may still run for a while after the Body was closed or the request's context has
// ended. Its ResponseWriter and its Stdin then fail, and so does the Body.
func Local(app App) Backend { return local{app} }

type local struct{ app App }

func (l local) RoundTrip(r *Request) (*Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	body, w := io.Pipe()
	out := &localStdout{PipeWriter: w, ready: make(chan struct{})}
	h := &BaseCGIHandler{
		Environ:      r.Environ.Clone(),
		Stdin:        r.Stdin,
		StdinStream:  r.Stdin != nil && r.Stdin != NoBody,
		Stdout:       out,
		Stderr:       r.Stderr,
		Scheme:       r.Scheme,
		EscapedPath:  r.EscapedPath,
		OriginServer: r.OriginServer,
		Multithread:  true,
		Multiprocess: r.Multiprocess,
	}
	go func() {
		err := errGoexit // stays if the App calls runtime.Goexit
		defer func() { out.finish(err) }()
		err = h.Run(ctx, l.app)
	}()
	select {
	case <-out.ready:
	case <-ctx.Done():
		cancel()
		body.Close()
		return nil, ctx.Err()
	}
	if out.resp == nil {
		cancel()
		return nil, out.err
	}
	// an App that ignores its context must not block the reader
	context.AfterFunc(ctx, func() {
		w.CloseWithError(ContextError(ctx))
	})
	out.resp.Body = &localBody{body, cancel}
	return out.resp, nil
}

// localStdout passes the head as a Response, and the body through a pipe. RoundTrip returns a sent
// head even if the App fails right after it; the Body then returns the error.
type localStdout struct {
	*io.PipeWriter
	ready chan struct{} // closed when resp or err is set
	resp  *Response
	err   error
}

func (o *localStdout) WriteHead(status string, fields *headers.Headers) error {
	o.resp = &Response{Status: status, Headers: fields.Clone()}
	close(o.ready)
	return nil
}

// finish ends the response; err is nil if it is complete.
func (o *localStdout) finish(err error) {
	if err != nil {
		err = &BackendError{Status: 502, Reason: "the application ended its response early", Err: err}
	}
	o.CloseWithError(err) // the reader gets io.EOF if err is nil
	if o.resp == nil {
		o.err = err
		close(o.ready)
	}
}

// localBody is a Body whose Close cancels the App's context.
type localBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *localBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
