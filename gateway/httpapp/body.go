package httpapp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway"
)

// body is the Body of a request. Closing it reads nothing: the transport decides whether the unread
// rest must be read.
type body struct {
	stdin  io.Reader
	closed atomic.Bool
}

func (b *body) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.stdin.Read(p)
	if err == nil || err == io.EOF {
		return n, err
	}
	// Handlers that know http.MaxBytesReader answer its error with a 413.
	if large := (*gateway.BodyTooLargeError)(nil); errors.As(err, &large) {
		err = fmt.Errorf("%w: %w", &http.MaxBytesError{Limit: large.Limit}, err)
	}
	return n, err
}

func (b *body) Close() error {
	b.closed.Store(true)
	return nil
}
