package host

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strconv"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// spooledRequest is a request with a body in a Spool.
type spooledRequest struct {
	*Spool
	request *gateway.Request
	length  int64 // of the body; exchange.UnknownLength without CONTENT_LENGTH
}

// streamBody sends the request while the body arrives. If the Backend needs its length, streamBody
// buffers the body and sends the request again.
func (k *spooledRequest) streamBody(share *exchange.Share) (*gateway.Response, error) {
	replay := &replayer{r: k.bounded(k.request.Stdin)}
	c := *k.request
	c.Stdin = replay
	resp, err := k.Backend.RoundTrip(&c)
	if errors.Is(err, gateway.ErrLengthRequired) && !replay.lost {
		return k.bufferBody(io.MultiReader(bytes.NewReader(replay.head), k.request.Stdin), share)
	}
	return resp, err
}

// bufferBody reads body to its end, and then sends the request.
func (k *spooledRequest) bufferBody(body io.Reader, share *exchange.Share) (*gateway.Response, error) {
	q := &exchange.Spool{Share: share, MemoryBytes: int64(k.MemoryBytes), Dir: k.Dir}
	stdin, err := k.fill(q, body)
	if err != nil {
		q.Close()
		return nil, err
	}
	resp, err := k.Backend.RoundTrip(k.requestWith(stdin, q.Len()))
	if err != nil {
		q.Close()
		return nil, err
	}
	resp.Body = &closingBody{resp.Body, q}
	return resp, nil
}

// requestWith returns the request with another body. kept is the length of the body if that was
// unknown.
func (k *spooledRequest) requestWith(stdin io.Reader, kept int64) *gateway.Request {
	c := *k.request
	c.Stdin = stdin
	if k.length != exchange.UnknownLength {
		return &c
	}
	c.Environ, c.ContentLength = k.request.Environ.Clone(), kept
	c.Environ.Set("CONTENT_LENGTH", strconv.FormatInt(kept, 10))
	c.Environ.Del("HTTP_TRANSFER_ENCODING")
	if kept == 0 {
		c.Stdin = gateway.NoBody
	}
	return &c
}

// fill reads body into q, and returns the reader for the Backend: q, or q and the rest of the body
// if q has no room for it.
func (k *spooledRequest) fill(q *exchange.Spool, body io.Reader) (io.Reader, error) {
	known := k.length != exchange.UnknownLength
	if known && k.length > q.Capacity() {
		k.warn(exchange.ErrOverShare)
		return body, nil
	}
	rest, err := q.Fill(k.source(body))
	switch full := err == exchange.ErrOverShare; {
	case known && (full || err == exchange.ErrNoRoom):
		k.warn(err)
		return io.MultiReader(q, bytes.NewReader(rest), body), nil
	case full:
		return nil, &gateway.BodyTooLargeError{Limit: q.Capacity()}
	case err == exchange.ErrNoRoom:
		return nil, &gateway.ServerError{Status: 503, Reason: "the server has no room for the request body", Err: err}
	case err != nil:
		return nil, err
	case known && q.Len() < k.length:
		return nil, &gateway.BodyError{Err: io.ErrUnexpectedEOF}
	}
	return q, nil
}

// warn logs that a body is not buffered.
func (k *spooledRequest) warn(why error) {
	if k.noRoom.IsNews() {
		k.request.Warn("a request body is passed on as it comes: " + why.Error())
	}
}

// source returns body limited to its length and to MaxBodyBytes. It fails when the context of the
// request has ended.
func (k *spooledRequest) source(body io.Reader) io.Reader {
	if k.length != exchange.UnknownLength {
		body = io.LimitReader(body, k.length)
	}
	return &untilDone{k.request.Context(), k.bounded(body)}
}

// untilDone is a body whose Read fails when a context has ended. It does not interrupt a Read under
// way, for which the server has a timeout.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

func (u *untilDone) Read(p []byte) (int, error) {
	switch err := u.ctx.Err(); {
	case errors.Is(err, context.DeadlineExceeded):
		return 0, &gateway.BodyError{Err: os.ErrDeadlineExceeded}
	case err != nil:
		return 0, gateway.ContextError(u.ctx)
	}
	return u.r.Read(p)
}

// closingBody frees the request's body when the response is closed.
type closingBody struct {
	io.ReadCloser
	kept *exchange.Spool
}

// Buffered tells gateway.Forward how many bytes of the body have arrived.
func (b *closingBody) Buffered() int {
	if inner, ok := b.ReadCloser.(interface{ Buffered() int }); ok {
		return inner.Buffered()
	}
	return 0
}

// Close implements io.Closer.
func (b *closingBody) Close() error {
	defer b.kept.Close()
	return b.ReadCloser.Close()
}

// replayer keeps the first bytes that were read. They are read again if the Backend returns
// gateway.ErrLengthRequired.
type replayer struct {
	r    io.Reader
	head []byte
	lost bool // more than mostReplayed bytes were read
}

const mostReplayed = 512

// Read implements io.Reader.
func (p *replayer) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	if p.lost = p.lost || len(p.head)+n > mostReplayed; !p.lost {
		p.head = append(p.head, b[:n]...)
	}
	return n, err
}
