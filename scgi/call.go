package scgi

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// call is one exchange of a Client. As an io.ReadCloser it is the response, for one goroutine;
// another may send the body, and any may end it.
type call struct {
	*transport.Call
	client  *Client
	request *gateway.Request
	unwatch func() bool

	mu  sync.Mutex
	err error // why it is over; io.EOF at the response's end
}

// newCall begins an exchange on nc, for which the caller has a slot.
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

// register has Close end x.
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

// watch ends the exchange with the request's context. If that has ended already, nothing is sent.
func (x *call) watch() {
	ctx := x.request.Context()
	end := func() { x.over(transport.Failure(ctx, ctx.Err())) }
	x.mu.Lock() // over waits for unwatch to be there
	x.unwatch = context.AfterFunc(ctx, end)
	x.mu.Unlock()
	// AfterFunc calls end in a goroutine of its own, which may come after the first Write
	if ctx.Err() != nil {
		end()
	}
}

// roundTrip sends message, and the body beside the reading of the response if it is not in there:
// an application may answer before it has read all, and may not read before its answer is taken.
func (x *call) roundTrip(message []byte, stdin io.Reader, length int64) (*gateway.Response, error) {
	_, err := x.Write(message)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, x.failure()
	case err == nil && stdin != nil: // who did not take all of it may have answered all the same
		x.Sending()
		go x.send(stdin, length)
	}
	resp, err := gateway.ReadResponse(x, x.client.MaxHeadBytes)
	if err != nil {
		return nil, x.blame(err)
	}
	body := exchange.NewDeclaredBody(x.request, resp)
	resp.Body = &body
	return resp, nil
}

// errCallClosed is the reason of an exchange that the caller has ended.
var errCallClosed = errors.New("scgi: Body is closed")

// blame returns why there is no head: the reason of the exchange if it failed, else that of the
// head's reader.
func (x *call) blame(err error) error {
	if reason := x.failure(); reason != nil && reason != io.EOF && reason != errCallClosed {
		return reason
	}
	return err
}

// send sends the body. An application that takes no more of it is no failure, a body that ends
// early is.
func (x *call) send(body io.Reader, length int64) {
	source := &bodySource{r: body, left: length}
	io.CopyN(x, source, length)
	x.Sent()
	if source.left > 0 && source.err != nil {
		x.over(bodyError(source.err))
	}
}

// bodySource remembers how reading the body ended, and how much was missing then.
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

// bodyError is what the caller hears of a Stdin that failed, or ended before its time.
func bodyError(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &gateway.BodyError{Err: err}
}

// Write sends some of the request, while there is somebody to take it.
func (x *call) Write(p []byte) (int, error) {
	if x.failure() != nil {
		return 0, net.ErrClosed
	}
	n, err := x.Call.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.over(&gateway.BackendError{Status: 504, Reason: "the application did not take the request in time", Err: err})
	}
	return n, err
}

// Read reads the response. Its errors but io.EOF are fit for the client.
func (x *call) Read(p []byte) (int, error) {
	if err := x.failure(); err != nil {
		return 0, err
	}
	n, err := x.Call.Read(p)
	if err == io.EOF {
		err = x.over(io.EOF)
	} else if err != nil {
		err = x.over(transport.Failure(x.request.Context(), err))
	}
	return n, err
}

// Close ends the exchange. What of the body was not sent stays unsent.
func (x *call) Close() error {
	x.over(errCallClosed)
	return nil
}

// over ends the exchange and closes its connection. Only the first reason counts, which it returns.
func (x *call) over(reason error) error {
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

// failure returns why the exchange is over, nil while it is not.
func (x *call) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}
