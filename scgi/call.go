package scgi

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// call is one exchange of a Client: the connection as the response is read from it.
type call struct {
	net          net.Conn
	ctx          context.Context
	readTimeout  time.Duration
	writeTimeout time.Duration
	unwatch      func() bool           // ends the closing of net when ctx ends
	bodyError    atomic.Pointer[error] // why Stdin failed
}

// send sends the head, and the body, if there is one, beside the reading of the response: an application may answer before
// it has read all, and may not read before its answer is taken. The goroutine ends when the body does, or fails, or the
// connection is closed.
func (x *call) send(head []byte, body io.Reader, length int64) {
	if length == 0 {
		x.Write(head) // what does not take all of it may have answered all the same
		return
	}
	go func() {
		if _, err := x.Write(head); err != nil {
			return
		}
		source := &bodySource{r: body}
		n, _ := io.CopyN(x, source, length)
		if n < length && source.err != nil {
			x.bodyError.Store(&source.err)
			x.net.Close()
		}
	}()
}

// bodySource remembers how reading the body ended. An application that takes no more is no failure, a body that ends early is.
type bodySource struct {
	r   io.Reader
	err error
}

func (s *bodySource) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.err = err
	if err == io.EOF {
		s.err = io.ErrUnexpectedEOF // for who looks at it only if more was announced
	}
	return n, err
}

func (x *call) Write(p []byte) (int, error) { return writeAll(x.net, p, x.writeTimeout) }

// Read reads the response. Its errors but io.EOF are fit for the client.
func (x *call) Read(p []byte) (int, error) {
	if x.readTimeout > 0 {
		x.net.SetReadDeadline(time.Now().Add(x.readTimeout))
	}
	n, err := x.net.Read(p)
	if err != nil && err != io.EOF {
		err = x.failure(err)
	}
	return n, err
}

func (x *call) failure(err error) error {
	cause := x.bodyError.Load()
	switch {
	case x.ctx.Err() != nil:
		return interrupted(x.ctx)
	case cause != nil:
		return &gateway.BackendError{Status: 502, Reason: "the request body ended early", Err: *cause}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: err}
	}
	return brokeOff(err)
}

func brokeOff(err error) error {
	return &gateway.BackendError{Status: 502, Reason: "the application broke off", Err: err}
}

// Close ends the exchange. What of the body was not sent stays unsent.
func (x *call) Close() error {
	x.unwatch()
	return x.net.Close()
}

// unreachable is what a client may hear of a failed dial.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	if t := net.Error(nil); errors.As(err, &t) && t.Timeout() {
		return &gateway.BackendError{Status: 504, Reason: "the application cannot be reached in time", Err: err}
	}
	return &gateway.BackendError{Status: 502, Reason: "the application cannot be reached", Err: err}
}

func interrupted(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: ctx.Err()}
	}
	return &gateway.BackendError{Status: 502, Reason: "the request was given up", Err: ctx.Err()}
}

// declaredBody holds the body to the length that the application declared: what is more is dropped, less is an error.
type declaredBody struct {
	io.ReadCloser
	left int64 // negative: nothing was declared
}

// declaredLength is the length of the body to come, -1 if it is not known. A malformed one is left for whoever sends it on
// to refuse.
func declaredLength(r *gateway.Request, resp *gateway.Response) int64 {
	status := resp.Status[:min(len(resp.Status), 3)]
	if r.Environ.Get("REQUEST_METHOD") == "HEAD" || status == "204" || status == "304" {
		return -1
	}
	n, err := strconv.ParseUint(resp.Headers.Get("Content-Length"), 10, 63)
	if err != nil {
		return -1
	}
	return int64(n)
}

func (b *declaredBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return b.ReadCloser.Read(p)
	}
	if b.left == 0 {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err == io.EOF && b.left > 0 {
		err = brokeOff(io.ErrUnexpectedEOF)
	}
	return n, err
}
