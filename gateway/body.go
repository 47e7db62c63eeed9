package gateway

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// BodyTooLargeError reports a body that is larger than the server accepts. [Request.Stdin] returns
// it, and Run refuses a request with it. If an App returns it before the head is committed, the
// answer is 413.
type BodyTooLargeError struct {
	Limit int64 // bytes
}

// Error returns a text for a log.
func (e *BodyTooLargeError) Error() string {
	return fmt.Sprintf("gateway: request body is larger than %d bytes", e.Limit)
}

func (e *BodyTooLargeError) publicPage() (status, text string) {
	return "413 Content Too Large", "The request body is too large.\n"
}

// body limits the transport's input stream to the body of the request. RFC 3875 section 4.2: a
// script must not read more than CONTENT_LENGTH bytes, since the stream may stay open.
type body struct {
	r        io.Reader
	left     int64 // bytes not read yet; negative: until the stream ends
	limit    int64 // for a stream: bytes that may still be read; negative: no limit
	max      int64 // the configured limit, for the error
	exceeded bool  // more than max bytes arrived
	finished atomic.Bool

	mu      sync.Mutex // held during Read, also while it waits for the client
	failure error      // of the first Read that failed
}

// Failure returns the error of the first Read that failed. Blame calls it.
func (b *body) Failure() error {
	if !b.mu.TryLock() {
		return nil
	}
	defer b.mu.Unlock()
	return b.failure
}

// lastReadWait is how long Interrupted waits for a pending Read to fail after the client has gone.
const lastReadWait = time.Second

// Interrupted returns why the body is not complete. Blame calls it after the client has gone.
func (b *body) Interrupted(drain bool) error {
	for end := time.Now().Add(lastReadWait); !b.mu.TryLock(); time.Sleep(time.Millisecond) {
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

// Read serves one goroutine at a time; others wait.
func (b *body) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.finished.Load():
		return 0, ErrFinished
	case len(p) == 0:
		return 0, nil
	case b.left == 0:
		return 0, io.EOF
	}
	n, err := b.read(p)
	switch {
	case b.finished.Load():
		return 0, ErrFinished
	case err == io.EOF:
		b.left = 0 // a stream has no length that reaches 0
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
		err = io.EOF // so the App need not call again, which could block
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readStream reads a body of unknown length. It reads up to one byte more than allowed, to
// distinguish a body at the limit from one over it.
func (b *body) readStream(p []byte) (int, error) {
	switch {
	case b.exceeded:
		return 0, &BodyTooLargeError{Limit: b.max} // even if the stream has ended since
	case b.limit < 0:
		return b.r.Read(p)
	case int64(len(p)) > b.limit:
		p = p[:min(int64(len(p)), b.limit+1)]
	}
	n, err := b.r.Read(p)
	if int64(n) > b.limit {
		n, b.limit, b.exceeded = int(b.limit), 0, true
		return n, &BodyTooLargeError{Limit: b.max}
	}
	b.limit -= int64(n)
	return n, err
}

// prepare makes b read a body of the given length from r. With unknownLength the body ends with the
// stream, and if max is positive, it has at most max bytes.
func (b *body) prepare(r io.Reader, length, max int64) {
	b.r, b.left, b.limit, b.max = r, length, unknownLength, max
	if r == nil {
		b.r = strings.NewReader("")
	}
	if max > 0 {
		b.limit = max
	}
}
