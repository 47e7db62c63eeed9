package gateway

import (
	"context"
	"io"

	"github.com/cgikit/cgikit/headers"
)

// Local returns a Backend that runs app in this process, for each exchange in a goroutine of its
// own: the counterpart of [Forward]. The App gets a copy of the environ, and the request's Stdin
// and Stderr. It may still run for a while when the Body has been closed or the request's context
// has ended; what it uses then fails, and the Body does.
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
		err := errGoexit // Run returns otherwise
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
	// an App that does not heed its context must not hold the reader
	context.AfterFunc(ctx, func() {
		w.CloseWithError(ContextError(ctx))
	})
	out.resp.Body = &localBody{body, cancel}
	return out.resp, nil
}

// localStdout hands the head on as it is, and the body through a pipe. A head that was sent is
// handed on also when the App fails right behind it: the body tells.
type localStdout struct {
	*io.PipeWriter
	ready chan struct{} // closed when one of the next two is there
	resp  *Response
	err   error
}

func (o *localStdout) WriteHead(status string, fields *headers.Headers) error {
	o.resp = &Response{Status: status, Headers: fields.Clone()}
	close(o.ready)
	return nil
}

// finish ends the response; err is nil when it is whole.
func (o *localStdout) finish(err error) {
	if err != nil {
		err = &BackendError{Status: 502, Reason: "the application broke off", Err: err}
	}
	o.CloseWithError(err) // which is Close where err is nil
	if o.resp == nil {
		o.err = err
		close(o.ready)
	}
}

// localBody ends the App when it is closed early.
type localBody struct {
	*io.PipeReader
	cancel context.CancelFunc
}

func (b *localBody) Close() error {
	b.cancel()
	return b.PipeReader.Close()
}
