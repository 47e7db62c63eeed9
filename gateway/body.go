package gateway

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// BodyTooLargeError is what [Request.Stdin] returns, or a request is refused with, when the body is larger than the server
// takes. An App that returns it before the head is committed answers 413.
type BodyTooLargeError struct {
	Limit int64 // bytes
}

// Error tells it for a log.
func (e *BodyTooLargeError) Error() string {
	return fmt.Sprintf("gateway: request body is larger than %d bytes", e.Limit)
}

func (e *BodyTooLargeError) page() (status, text string) {
	return "413 Content Too Large", "The request body is too large.\n"
}

// body bounds the transport's input stream to the request's own bytes (RFC 3875 section 4.2: a script must not read more
// than CONTENT_LENGTH, since the stream may stay open).
type body struct {
	r     io.Reader
	left  int64 // bytes to come; negative: to the stream's end
	limit int64 // for a stream: bytes that may still come; negative: none
	max   int64 // for the error
	over  bool  // more came than max
	ended atomic.Bool

	waiting atomic.Bool // a Read is under way
	failure atomic.Pointer[error]
}

// Failure lets Blame know what became of the body: the error of the first Read that failed, and whether one is waiting for more.
func (b *body) Failure() (err error, waiting bool) {
	if failure := b.failure.Load(); failure != nil {
		err = *failure
	}
	return err, b.waiting.Load()
}

func (b *body) fail(err error) { b.failure.CompareAndSwap(nil, &err) }

func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.ended.Load():
		return 0, ErrFinished
	case len(p) == 0:
		return 0, nil
	case b.left == 0:
		return 0, io.EOF
	}
	b.waiting.Store(true)
	n, err := b.read(p)
	if b.ended.Load() {
		return 0, ErrFinished
	}
	if err != nil && err != io.EOF {
		b.fail(err)
	}
	b.waiting.Store(false)
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	if b.left < 0 {
		return b.readStream(p)
	}
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n, err := b.r.Read(p)
	b.left -= int64(n)
	switch {
	case b.left == 0:
		err = io.EOF // saves the reader a call that could block
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readStream reads a body of unknown length. It asks for one byte more than allowed, to tell a body at the limit from one
// over it.
func (b *body) readStream(p []byte) (int, error) {
	switch {
	case b.over:
		return 0, &BodyTooLargeError{Limit: b.max} // also where the stream has ended by now
	case b.limit < 0:
		return b.r.Read(p)
	case int64(len(p)) > b.limit:
		p = p[:min(int64(len(p)), b.limit+1)]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.limit {
		n, b.limit, b.over = int(b.limit), 0, true
		return n, &BodyTooLargeError{Limit: b.max}
	}
	b.limit -= int64(n)
	return n, err
}

// open prepares a body of that length from r; unknownLength reads to the stream's end, at most max bytes where max is positive.
func (b *body) open(r io.Reader, length, max int64) {
	b.r, b.left, b.limit, b.max = r, length, unknownLength, max
	if r == nil {
		b.r = strings.NewReader("")
	}
	if max > 0 {
		b.limit = max
	}
}
