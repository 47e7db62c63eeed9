package gateway

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// BodyTooLargeError is what [Request.Stdin] returns, or a request is refused with, when the body is
// larger than the server takes. An App that returns it before the head is committed answers 413.
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

// body bounds the transport's input stream to the request's own bytes (RFC 3875 section 4.2: a
// script must not read more than CONTENT_LENGTH, since the stream may stay open).
type body struct {
	r     io.Reader
	left  int64 // bytes to come; negative: to the stream's end
	limit int64 // for a stream: bytes that may still come; negative: none
	max   int64 // for the error
	over  bool  // more came than max
	ended atomic.Bool

	mu      sync.Mutex // held by a Read, which may be waiting for the client
	failure error      // of the first Read that failed
}

// Failure is for Blame: the error of the first Read that failed.
func (b *body) Failure() error {
	if !b.mu.TryLock() {
		return nil
	}
	defer b.mu.Unlock()
	return b.failure
}

// lastRead is how long a Read under way may take to find out that the client has gone.
const lastRead = time.Second

// Interrupted is for Blame, once the client has gone.
func (b *body) Interrupted(drain bool) error {
	for end := time.Now().Add(lastRead); !b.mu.TryLock(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			return io.ErrUnexpectedEOF
		}
	}
	failure := b.failure
	b.mu.Unlock()
	if failure == nil && drain {
		_, failure = io.Copy(io.Discard, struct{ io.Reader }{b})
	}
	return failure
}

// Read may be called by one goroutine at a time; another one waits.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.ended.Load():
		return 0, ErrFinished
	case len(p) == 0:
		return 0, nil
	case b.left == 0:
		return 0, io.EOF
	}
	n, err := b.read(p)
	switch {
	case b.ended.Load():
		return 0, ErrFinished
	case err == io.EOF:
		b.left = 0 // also of a stream
	case err != nil && b.failure == nil:
		b.failure = err
	}
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

// readStream reads a body of unknown length. It asks for one byte more than allowed, to tell a body
// at the limit from one over it.
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

// open prepares a body of that length from r; unknownLength reads to the stream's end, at most max
// bytes where max is positive.
func (b *body) open(r io.Reader, length, max int64) {
	b.r, b.left, b.limit, b.max = r, length, unknownLength, max
	if r == nil {
		b.r = strings.NewReader("")
	}
	if max > 0 {
		b.limit = max
	}
}
