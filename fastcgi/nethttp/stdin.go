package nethttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// errBodyCut is what the App reads where the web server aborted the request or went away within the
// body. It is a context.Canceled too, so that it is not logged.
var errBodyCut = fmt.Errorf("nethttp: the web server broke the request body off: %w: %w", io.ErrUnexpectedEOF, context.Canceled)

// errBodyLate is what the App reads where the next piece of its body has not come in time.
var errBodyLate = fmt.Errorf("nethttp: nothing more of the request body within ReadTimeout: %w: %w", io.ErrUnexpectedEOF, os.ErrDeadlineExceeded)

// stdin is the body as the App reads it: that of net/http/fcgi, which cannot tell a body that was
// cut off from a complete one, and whose Read has no timeout.
type stdin struct {
	request *request

	mu   sync.Mutex
	body io.ReadCloser // nil until the handler was called
	err  error         // why the body is cut off; nil while it is not
}

// open begins the reading.
func (s *stdin) open(body io.ReadCloser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
	if s.err != nil {
		body.Close()
	}
}

// cut ends the body with err, also for a Read under way. net/http/fcgi, which waits for the App to
// take each record, goes on.
func (s *stdin) cut(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	if s.body != nil {
		s.body.Close()
	}
}

// Read implements io.Reader for the App.
func (s *stdin) Read(p []byte) (int, error) {
	r := s.request
	if bound := r.conn.readTimeout; bound > 0 {
		late := time.AfterFunc(bound, func() { r.conn.cutStdin(r, errBodyLate) })
		defer late.Stop()
	}
	n, err := s.body.Read(p)
	if err != nil {
		err = s.endOf(err)
	}
	return n, err
}

// endOf returns how the body has ended, where net/http/fcgi says err.
func (s *stdin) endOf(err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return errBodyCut // fcgi.ErrConnClosed
}
