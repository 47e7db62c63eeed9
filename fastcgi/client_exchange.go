package fastcgi

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// clientExchange is one request and its response on a connection. As an io.ReadCloser it is STDOUT, for one goroutine; another may
// send the body, and any may end it.
type clientExchange struct {
	client  *Client
	conn    *clientConn
	request *gateway.Request
	unwatch func() bool
	stdout  stdoutStream

	unsent bool // not a byte of the request was taken; for the goroutine that calls RoundTrip, like the next
	died   bool // the connection ended before a byte of the answer

	mu       sync.Mutex
	err      error // why it is over; io.EOF after a whole response
	bodyRead bool
	upload   upload
	parted   bool // the connection is somebody else's now
}

// upload is how far the sending of a request has come.
type upload int

const (
	uploadUnderWay upload = iota
	uploadEnding          // the last of it is being written
	uploadWhole
	uploadCut // the application took no more
)

// newClientExchange begins an exchange, which from then on has conn to give back or to close.
func newClientExchange(c *Client, conn *clientConn, r *gateway.Request) *clientExchange {
	x := &clientExchange{client: c, conn: conn, request: r}
	x.stdout = stdoutStream{conn: conn, id: conn.id, stderr: r.Stderr}
	ctx := r.Context()
	if ctx.Done() == nil {
		x.unwatch = func() bool { return true }
		return x
	}
	x.mu.Lock() // over waits for unwatch to be there
	defer x.mu.Unlock()
	x.unwatch = context.AfterFunc(ctx, x.interrupt)
	return x
}

// errExcess is the reason of an exchange whose application sent more than its Content-Length.
var errExcess = errors.New("fastcgi: the application sent more than it declared")

// errExchangeClosed is the reason of an exchange that the caller has ended.
var errExchangeClosed = errors.New("fastcgi: Body is closed")

// roundTrip sends m, and the body beside the reading of the answer if it is not in m.
func (x *clientExchange) roundTrip(m *message, body *clientBody) (*gateway.Response, error) {
	n, err := x.conn.call.Write(m.b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, x.over(notTaken(err))
	case err != nil: // it may have answered all the same
		x.unsent = n == 0
		x.sent(false)
	case body.streamed():
		x.conn.call.Sending()
		go x.send(body)
	default:
		x.sent(true)
	}
	resp, err := gateway.ReadResponse(x, x.client.MaxHeadBytes)
	if err != nil {
		return nil, x.blame(err)
	}
	resp.Body = newClientResponseBody(x, resp)
	return resp, nil
}

func notTaken(err error) error {
	return &gateway.BackendError{Status: 504, Reason: "the application did not take the request in time", Err: err}
}

// blame returns why there is no head: the reason of the exchange if it failed, else that of the head's reader.
func (x *clientExchange) blame(err error) error {
	if reason := x.failure(); reason != nil && reason != io.EOF && reason != errExchangeClosed {
		return reason
	}
	return err
}

// replayable reports whether the request may be sent again: a connection that was kept may end at any time, and then its application
// most likely never saw the request. Where it may have, the method must allow a repetition (RFC 9110 section 9.2.2).
func (x *clientExchange) replayable() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.conn.kept && x.died && !x.bodyRead && x.request.Context().Err() == nil &&
		(x.unsent || idempotent(x.request.Environ.Get("REQUEST_METHOD")))
}

// refused reports whether the application refused to multiplex, and notes it. Then it has done nothing with the request.
func (x *clientExchange) refused() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.conn.shared || x.stdout.end.ProtocolStatus != wire.CannotMultiplex {
		return false
	}
	x.client.mux.refused()
	return !x.bodyRead
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// send sends the body. An application that takes no more of it is no failure: the answer tells.
func (x *clientExchange) send(body *clientBody) {
	if !x.claimBody() {
		return
	}
	err := body.send(x, x.conn.id, x.sendingLast)
	x.conn.call.Sent()
	if errors.As(err, new(*gateway.BodyError)) {
		x.over(err)
		return
	}
	x.sent(err == nil)
}

// claimBody reports whether Stdin may be read: not if the request is about to be sent again.
func (x *clientExchange) claimBody() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.bodyRead = x.err == nil
	return x.bodyRead
}

// Write sends a part of the body, while there is somebody to take it.
func (x *clientExchange) Write(p []byte) (int, error) {
	if x.failure() != nil {
		return 0, net.ErrClosed
	}
	n, err := x.conn.call.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.over(notTaken(err))
	}
	return n, err
}

// sendingLast notes that the end of the body is about to be written. An application that has counted the bytes may answer before send
// knows that they were taken, and then Close must not take them for unsent.
func (x *clientExchange) sendingLast() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.upload = uploadEnding
}

// sent notes that send is done, with all of the body or not.
func (x *clientExchange) sent(all bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.upload = uploadCut
	if all {
		x.upload = uploadWhole
	}
	if x.err != nil {
		x.part(false)
	}
}

// Read gives STDOUT. Its errors but io.EOF are fit for the client.
func (x *clientExchange) Read(p []byte) (int, error) {
	if x.stdout.left == 0 {
		if err := x.failure(); err != nil {
			return 0, err
		}
	}
	n, err := x.stdout.Read(p)
	if !x.conn.answered && x.conn.call.Answered() {
		x.conn.answered = true
		x.client.pool.answered(x.conn)
	}
	if err != nil {
		err = x.over(x.reason(err))
	}
	return n, err
}

// reason is what the client may hear of an error of STDOUT.
func (x *clientExchange) reason(err error) error {
	if err == io.EOF {
		return err // before what follows, which allocates
	}
	if b := (*gateway.BackendError)(nil); errors.As(err, &b) {
		return err
	}
	if p := (*wire.ProtocolError)(nil); errors.As(err, &p) {
		return &gateway.BackendError{Status: 502, Reason: "the application broke the protocol", Err: err}
	}
	x.died = !x.conn.call.Answered() && !errors.Is(err, os.ErrDeadlineExceeded)
	return transport.Failure(x.request.Context(), err)
}

// Close ends the exchange. What of the body is not sent stays unsent.
func (x *clientExchange) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = errExchangeClosed
	}
	x.part(true)
	return nil
}

// over ends the exchange. Only the first reason counts, which it returns.
func (x *clientExchange) over(reason error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.err == nil {
		x.err = reason
		x.part(false)
	}
	return x.err
}

// interrupt ends the exchange, and the sending of its last piece too, since the context has ended.
func (x *clientExchange) interrupt() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if ctx := x.request.Context(); x.err == nil {
		x.err = transport.Failure(ctx, ctx.Err())
	}
	if !x.parted {
		x.parted = true
		x.client.pool.drop(x.conn)
	}
}

// part gives the connection back after a whole exchange, and closes it after another. While the request is being sent it leaves that
// open, unless the caller is done with the answer and there is more than the last piece to send.
func (x *clientExchange) part(closing bool) {
	answered := x.err == io.EOF
	switch {
	case x.parted:
		return
	case answered && (x.upload == uploadEnding || x.upload == uploadUnderWay && !closing):
		return // sent comes back here
	}
	x.parted = true
	unwatched := x.unwatch()
	if answered && x.upload == uploadWhole && unwatched && x.conn.keep && x.conn.clean() {
		x.client.pool.put(x.client, x.conn)
	} else {
		x.client.pool.drop(x.conn)
	}
}

// failure returns why the exchange is over, nil while it is not.
func (x *clientExchange) failure() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.err
}
