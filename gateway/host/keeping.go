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

// keeping is a request whose body a Spool keeps.
type keeping struct {
	*Spool
	request *gateway.Request
	length  int64 // of the body; exchange.UnknownLength where no CONTENT_LENGTH says it
}

// offer has the Backend take the body as it comes, and completes it first where the Backend does
// not.
func (k *keeping) offer(share *exchange.Share) (*gateway.Response, error) {
	replay := &replayer{r: k.bounded(k.request.Stdin)}
	c := *k.request
	c.Stdin = replay
	resp, err := k.Backend.RoundTrip(&c)
	if errors.Is(err, gateway.ErrLengthRequired) && !replay.lost {
		return k.complete(io.MultiReader(bytes.NewReader(replay.head), k.request.Stdin), share)
	}
	return resp, err
}

// complete reads body to its end and asks the Backend then.
func (k *keeping) complete(body io.Reader, share *exchange.Share) (*gateway.Response, error) {
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

// requestWith is the request with what was made of its body. kept is the length of all of it where
// that was unknown.
func (k *keeping) requestWith(stdin io.Reader, kept int64) *gateway.Request {
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

// fill reads body into q and returns what the Backend is to read: q, or q and the rest of a body
// that there is no room for.
func (k *keeping) fill(q *exchange.Spool, body io.Reader) (io.Reader, error) {
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

// warn logs that a body is not kept.
func (k *keeping) warn(why error) {
	if k.noRoom.IsNews() {
		k.request.Warn("a request body is passed on as it comes: " + why.Error())
	}
}

// source is body as it is to be kept: within its length, within the bound, and while the request's
// context lasts.
func (k *keeping) source(body io.Reader) io.Reader {
	if k.length != exchange.UnknownLength {
		body = io.LimitReader(body, k.length)
	}
	return &untilDone{k.request.Context(), k.bounded(body)}
}

// untilDone is a body that is read while a context lasts. A Read under way is not ended: its server
// has a timeout for that.
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

// closingBody drops the request's body when the response has been read.
type closingBody struct {
	io.ReadCloser
	kept *exchange.Spool
}

// Buffered tells gateway.Forward whether a part of the body came with the head.
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

// replayer keeps the first bytes that were read, for a Backend that finds out from them that it
// cannot go on.
type replayer struct {
	r    io.Reader
	head []byte
	lost bool // more was read than is kept
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
