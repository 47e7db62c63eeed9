package gateway

import (
	"context"
	"io"

	"github.com/cgikit/cgikit/headers"
)

// Local returns a Backend that runs app in this process, for each exchange in a goroutine of its own: the counterpart of
// [Forward]. The App gets a copy of the environ, and the request's Stdin and Stderr.
func Local(app App) Backend { return local{app} }

type local struct{ app App }

func (l local) RoundTrip(r *Request) (*Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	body, w := io.Pipe()
	out := &localStdout{PipeWriter: w, head: make(chan *Response, 1)}
	h := &BaseCGIHandler{
		Environ:      r.Environ.Clone(),
		Stdin:        r.Stdin,
		StdinStream:  r.Stdin != nil,
		Stdout:       out,
		Stderr:       r.Stderr,
		Scheme:       r.Scheme,
		Multithread:  true,
		Multiprocess: r.Multiprocess,
	}
	failed := make(chan error, 1)
	go func() {
		if err := h.Run(ctx, l.app); err != nil {
			err = &BackendError{Status: 502, Reason: "the application broke off", Err: err}
			failed <- err
			w.CloseWithError(err)
			return
		}
		w.Close()
	}()
	select {
	case resp := <-out.head:
		resp.Body = &localBody{body, cancel}
		return resp, nil
	case err := <-failed:
		cancel()
		return nil, err
	case <-ctx.Done():
		cancel()
		body.Close()
		return nil, ctx.Err()
	}
}

// localStdout hands the head on as it is, and the body through a pipe.
type localStdout struct {
	*io.PipeWriter
	head chan *Response
}

func (o *localStdout) WriteHead(status string, fields *headers.Headers) error {
	o.head <- &Response{Status: status, Headers: fields.Clone()}
	return nil
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
