package scgi

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// call is one exchange of a Client. It is an io.ReadCloser of the response. One goroutine reads it,
// another may send the body, and any may close it.
type call struct {
	*transport.Call
	client  *Client
	request *gateway.Request
	unwatch func() bool // stops the watch of the context

	mu  sync.Mutex
	err error // why the exchange is over; io.EOF after a complete response; nil before
}

// newCall begins an exchange on nc. The caller has reserved a slot; if newCall fails, it releases
// the slot.
func (c *Client) newCall(nc *transport.Call, r *gateway.Request) (*call, error) {
	x := &call{Call: nc, client: c, request: r}
	if err := c.register(x); err != nil {
		nc.Close()
		c.line.Leave()
		return nil, err
	}
	x.watch()
	return x, nil
}

// register adds x to the exchanges that Close ends.
func (c *Client) register(x *call) error {
	c.line.Lock()
	defer c.line.Unlock()
	if err := c.line.Closed(); err != nil {
		return err
	}
	if c.calls == nil {
		c.calls = make(map[*call]bool)
	}
	c.calls[x] = true
	return nil
}

// watch makes the exchange end with the request's context. If the context has ended already,
// nothing is sent.
func (x *call) watch() {
	ctx := x.request.Context()
	cancel := func() { x.closeWith(transport.Failure(ctx, ctx.Err())) }
	x.mu.Lock() // closeWith must not run before unwatch is set
	x.unwatch = transport.WatchContext(ctx, cancel)
	x.mu.Unlock()
	// AfterFunc calls cancel in another goroutine, which may run only after the first Write
	if ctx.Err() != nil {
		cancel()
	}
}

// roundTrip sends message and reads the head of the response. A body that is not in message is sent
// meanwhile: an application may answer before it has read the whole request, or may stop reading
// until its response is read.
func (x *call) roundTrip(message []byte, stdin io.Reader, length int64) (*gateway.Response, error) {
	_, err := x.Write(message)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, x.failure()
	case err == nil && stdin != nil: // after another error the application may still have answered
		x.Sending()
		go x.send(stdin, length)
	}
	resp, err := gateway.ReadResponse(x, x.client.MaxHeadBytes)
	if err != nil {
		return nil, x.headError(err)
	}
	body := exchange.NewDeclaredBody(x.request, resp)
	resp.Body = &body
	return resp, nil
}

// errCallClosed ends an exchange whose caller has closed the response.
var errCallClosed = errors.New("scgi: Body is closed")

// headError returns why there is no head: the failure of the exchange if it failed, else err, the
// error of the head's reader.
func (x *call) headError(err error) error {
	if reason := x.failure(); reason != nil && reason != io.EOF && reason != errCallClosed {
		return reason
	}
	return err
}

// send sends the body. If the application stops reading it, the exchange goes on. If the body ends
// early, the exchange fails.
func (x *call) send(body io.Reader, length int64) {
	source := &bodySource{r: body, left: length}
	io.CopyN(x, source, length)
	x.Sent()
	if source.left > 0 && source.err != nil {
		x.closeWith(bodyError(source.err))
	}
}

// bodySource records the last error of reading the body, and how many bytes are still missing.
type bodySource struct {
	r    io.Reader
	left int64
	err  error
}

func (s *bodySource) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.left -= int64(n)
	s.err = err
	return n, err
}

// bodyError returns the error of an exchange whose Stdin failed, or ended before its declared
// length.
func bodyError(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &gateway.BodyError{Err: err}
}

// Write sends a part of the request. It fails after the exchange is over.
func (x *call) Write(p []byte) (int, error) {
	if x.failure() != nil {
		return 0, net.ErrClosed
	}
	n, err := x.Call.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.closeWith(&gateway.BackendError{Status: 504, Reason: "the application did not read the request in time", Err: err})
	}
	return n, err
}

// Read reads the response. Each error but io.EOF has a status and a text for the client (see
// gateway.ErrorPage).
func (x *call) Read(p []byte) (int, error) {
	if err := x.failure(); err != nil {
		return 0, err
	}
	n, err := x.Call.Read(p)
	if err == io.EOF {
		err = x.closeWith(io.EOF)
	} else if err != nil {
		err = x.closeWith(transport.Failure(x.request.Context(), err))
	}
	return n, err
}

// Close ends the exchange. The rest of the request body is not sent.
func (x *call) Close() error {
	x.closeWith(errCallClosed)
	return nil
}

// closeWith ends the exchange and closes its connection. It keeps the first reason and returns it.
func (x *call) closeWith(reason error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = reason
		x.unwatch()
		x.Call.Close()
		x.client.release(x)
	}
	return x.err
}

// failure returns why the exchange is over, or nil while it is not.
func (x *call) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}
