package client

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

// roundTrip is one exchange: a request and its response on a connection. It is an io.ReadCloser of
// STDOUT. One goroutine reads it, another may send the body, and any may close it.
type roundTrip struct {
	conn    *conn
	request *gateway.Request
	unwatch func() bool // stops the watch of the context; false if the context has ended
	stdout  stdoutReader

	// Only the goroutine that reads the response uses these.
	answerNoted bool // the owner of the connection was told of the response
	unsent      bool // no byte of the request was written
	lost        bool // the connection ended before the first byte of the response

	mu        sync.Mutex
	state     state
	reason    error // why no more of the response is read; io.EOF after a complete one
	stdinRead bool  // Stdin may have been read
}

// newRoundTrip begins the exchange of r on c. The exchange releases or discards c when it is over.
func newRoundTrip(c *conn, r *gateway.Request, maxStderr int64) *roundTrip {
	x := &roundTrip{conn: c, request: r, answerNoted: c.used}
	x.stdout = stdoutReader{conn: c, stderr: r.Stderr, stderrLeft: maxStderr}
	ctx := r.Context()
	x.mu.Lock() // move must not run before unwatch is set
	defer x.mu.Unlock()
	x.unwatch = transport.WatchContext(ctx, func() { x.move(fails, gateway.ContextError(ctx)) })
	return x
}

// perform sends m and reads the head of the response. A body that is not in m is sent by another
// goroutine meanwhile.
func (x *roundTrip) perform(m *message, b *body, maxHead int) (*gateway.Response, error) {
	n, err := x.conn.call.Write(m.b)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, x.move(fails, writeTimeout(err))
	case err != nil: // the application may have answered before it closed
		x.unsent = n == 0
		x.move(sendsPart, nil)
	case b.streamed():
		x.conn.call.Sending()
		go x.sendBody(b)
	default:
		x.move(sendsAll, nil)
	}
	return x.readResponse(maxHead)
}

func writeTimeout(err error) error {
	return &gateway.BackendError{Status: 504, Reason: "the application did not read the request in time", Err: err}
}

// sendBody sends the body. If the application stops reading it, the exchange goes on, because the
// response may tell why.
func (x *roundTrip) sendBody(b *body) {
	if !x.beginStdin() {
		return
	}
	err := b.send(x, x.conn.id, func() { x.move(writesLast, nil) })
	x.conn.call.Sent()
	switch {
	case errors.As(err, new(*gateway.BodyError)):
		x.move(fails, err)
	case err != nil:
		x.move(sendsPart, nil)
	default:
		x.move(sendsAll, nil)
	}
}

// beginStdin reports whether Stdin may be read, and notes that it is. Stdin must not be read after
// the exchange has failed, because RoundTrip may then repeat the request.
func (x *roundTrip) beginStdin() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stdinRead = x.reason == nil
	return x.stdinRead
}

// Write sends a part of the body. It fails when no more of the response is read.
func (x *roundTrip) Write(p []byte) (int, error) {
	if x.ended() != nil {
		return 0, net.ErrClosed
	}
	n, err := x.conn.call.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		x.move(fails, writeTimeout(err))
	}
	return n, err
}

// Read reads STDOUT. Each error but io.EOF has a status and a text for the client (see
// gateway.ErrorPage).
func (x *roundTrip) Read(p []byte) (int, error) {
	if x.stdout.left == 0 {
		if err := x.ended(); err != nil {
			return 0, err
		}
	}
	n, err := x.stdout.Read(p)
	if !x.answerNoted && x.conn.call.Answered() {
		x.answerNoted = true
		x.conn.owner.noteAnswer(x.conn)
	}
	switch {
	case err == io.EOF:
		err = x.move(receivesEnd, io.EOF)
	case err != nil:
		x.lost = !x.conn.call.Answered() && !errors.Is(err, os.ErrDeadlineExceeded)
		if closed := x.conn.owner.closedBy(); closed != nil && errors.Is(err, net.ErrClosed) {
			err = closed
		}
		err = x.move(fails, failure(x.request.Context(), err))
	}
	return n, err
}

// Buffered returns how many bytes of STDOUT the next Read returns at least without waiting. Only
// the goroutine that reads may call it.
func (x *roundTrip) Buffered() int {
	if x.ended() != nil {
		return 0
	}
	return x.stdout.buffered()
}

// failure returns err, the reason why an exchange under ctx failed, as an error with a status and a
// text for the client.
func failure(ctx context.Context, err error) error {
	switch {
	case errors.As(err, new(*gateway.BackendError)), errors.As(err, new(*gateway.ServerError)):
		return err
	case errors.As(err, new(*wire.ProtocolError)):
		return &gateway.BackendError{Status: 502, Reason: "the application broke the protocol", Err: err}
	}
	return transport.Failure(ctx, err)
}

// errBodyClosed ends an exchange whose caller has closed the response.
var errBodyClosed = errors.New("fastcgi: Body is closed")

// Close ends the exchange. The rest of the request body is not sent.
func (x *roundTrip) Close() error {
	x.move(closesBody, errBodyClosed)
	return nil
}

// ended returns why no more of the response is read, or nil while it is still read.
func (x *roundTrip) ended() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.reason
}

// move changes the state of the exchange, and returns the connection to its owner when the exchange
// is over. A reason that is not nil says why no more of the response is read. move keeps the first
// reason and returns it.
func (x *roundTrip) move(e event, reason error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.reason == nil {
		x.reason = reason
	}
	before := x.state
	x.state = transitions[before][e]
	if x.state.over() && !before.over() {
		x.releaseConn()
	}
	return x.reason
}

// releaseConn returns the connection to its owner: for another exchange if this one is complete and
// left nothing unread, else to be closed.
func (x *roundTrip) releaseConn() {
	contextLive := x.unwatch()
	if contextLive && x.state == complete && x.conn.bufferEmpty() {
		x.conn.owner.release(x.conn)
		return
	}
	x.conn.owner.discard(x.conn)
}

// repeatable reports whether the request of a failed exchange may be sent again, on another
// connection. The application may close a kept connection at any time, and then it has most likely
// not seen the request. Since it may have, the method must allow a repetition (RFC 9110 section
// 9.2.2), unless no byte was sent. An application that refuses to multiplex has not processed the
// request.
func (x *roundTrip) repeatable() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stdinRead || x.request.Context().Err() != nil {
		return false
	}
	if x.conn.shared() && x.stdout.end.ProtocolStatus == wire.CannotMultiplex {
		return true
	}
	// lost first: a connection that is not lost may have another exchange now
	return x.lost && x.conn.used && (x.unsent || idempotent(x.request.Environ.Get("REQUEST_METHOD")))
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
