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

// roundTrip is one exchange: a request and its response on a connection. As an io.ReadCloser it is
// STDOUT, for one goroutine; another may send the body, and any may end it.
type roundTrip struct {
	conn    *conn
	request *gateway.Request
	unwatch func() bool // stops the watch of the context; false if that has ended
	stdout  stdoutReader

	// For the goroutine that reads the response.
	answerNoted bool // the owner of the connection knows that it has a response
	unsent      bool // the connection took not a byte of the request
	lost        bool // it ended before a byte of the response

	mu        sync.Mutex
	state     state
	reason    error // why no more of the response is read; io.EOF after a complete one
	stdinRead bool  // Stdin may have been read
}

// newRoundTrip begins the exchange of r on c, which it releases or discards.
func newRoundTrip(c *conn, r *gateway.Request, maxStderr int64) *roundTrip {
	x := &roundTrip{conn: c, request: r, answerNoted: c.used}
	x.stdout = stdoutReader{conn: c, stderr: r.Stderr, stderrLeft: maxStderr}
	ctx := r.Context()
	if ctx.Done() == nil {
		x.unwatch = func() bool { return true }
		return x
	}
	x.mu.Lock() // move waits for unwatch to be there
	defer x.mu.Unlock()
	x.unwatch = context.AfterFunc(ctx, func() { x.move(fails, gateway.ContextError(ctx)) })
	return x
}

// perform sends m, and the body beside the reading of the response if it is not in m.
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
	return &gateway.BackendError{Status: 504, Reason: "the application did not take the request in time", Err: err}
}

// sendBody sends the body. That an application takes no more of it is no failure: its response may
// say why.
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

// beginStdin reports whether Stdin may be read. It may not once the exchange is over: RoundTrip may
// be about to repeat the request.
func (x *roundTrip) beginStdin() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stdinRead = x.reason == nil
	return x.stdinRead
}

// Write sends a part of the body. It fails once no more of the response is read.
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

// Read gives STDOUT. Its errors except io.EOF are fit for the client.
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
		err = x.move(fails, failure(x.request.Context(), err))
	}
	return n, err
}

// failure is what the client may hear of err, by which an exchange under ctx has ended.
func failure(ctx context.Context, err error) error {
	switch {
	case errors.As(err, new(*gateway.BackendError)):
		return err
	case errors.As(err, new(*wire.ProtocolError)):
		return &gateway.BackendError{Status: 502, Reason: "the application broke the protocol", Err: err}
	}
	return transport.Failure(ctx, err)
}

// errBodyClosed is the reason of an exchange whose caller needs no more of the response.
var errBodyClosed = errors.New("fastcgi: Body is closed")

// Close ends the exchange. What has not been sent of the body stays unsent.
func (x *roundTrip) Close() error {
	x.move(closesBody, errBodyClosed)
	return nil
}

// ended returns why no more of the response is read, nil before that.
func (x *roundTrip) ended() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.reason
}

// move takes the exchange to its next state, and gives the connection back when it is over. reason,
// if not nil, is why no more of the response is read. The first reason counts; move returns it.
func (x *roundTrip) move(e event, reason error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.reason == nil {
		x.reason = reason
	}
	before := x.state
	x.state = transitions[before][e]
	if x.state.over() && !before.over() {
		x.giveBack()
	}
	return x.reason
}

// giveBack returns the connection to its owner.
func (x *roundTrip) giveBack() {
	undisturbed := x.unwatch()
	if undisturbed && x.state == complete && x.conn.drained() {
		x.conn.owner.release(x.conn)
		return
	}
	x.conn.owner.discard(x.conn)
}

// repeatable reports whether the request may be sent again, on another connection, after an
// exchange that has failed. A connection that was kept may end at any time, and then its
// application most likely never saw the request; where it may have, the method must allow a
// repetition (RFC 9110 section 9.2.2). An application that refuses to multiplex has done nothing
// with the request.
func (x *roundTrip) repeatable() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.stdinRead || x.request.Context().Err() != nil {
		return false
	}
	if x.conn.shared() && x.stdout.end.ProtocolStatus == wire.CannotMultiplex {
		return true
	}
	return x.conn.used && x.lost && (x.unsent || idempotent(x.request.Environ.Get("REQUEST_METHOD")))
}

func idempotent(method string) bool {
	switch method {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}
