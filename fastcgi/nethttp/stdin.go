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

// errBodyCut is returned to an App that reads the body after the web server has aborted the request
// or disconnected within the body. It wraps context.Canceled too, so that it is not logged.
var errBodyCut = fmt.Errorf("nethttp: the web server broke the request body off: %w: %w", io.ErrUnexpectedEOF, context.Canceled)

// errBodyLate is returned to an App when no more of its body has arrived within ReadTimeout.
var errBodyLate = fmt.Errorf("nethttp: nothing more of the request body within ReadTimeout: %w: %w", io.ErrUnexpectedEOF, os.ErrDeadlineExceeded)

// stdin is the body as the App reads it. It wraps the body of net/http/fcgi, which does not
// distinguish a body that was cut off from a complete one, and whose Read has no timeout.
type stdin struct {
	request *request

	mu   sync.Mutex
	body io.ReadCloser // nil until the handler was called
	err  error         // why the body was cut off; nil if it was not
}

// begin sets the body of net/http/fcgi.
func (s *stdin) begin(body io.ReadCloser) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body = body
	if s.err != nil {
		body.Close()
	}
}

// fail makes Read return err, also a Read under way. net/http/fcgi, which waits for the App to read
// each record, then continues.
func (s *stdin) fail(err error) {
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
		late := time.AfterFunc(bound, func() { r.conn.failStdin(r, errBodyLate) })
		defer late.Stop()
	}
	n, err := s.body.Read(p)
	if err != nil {
		err = s.readError(err)
	}
	return n, err
}

// readError returns the error of a Read for which net/http/fcgi has returned err.
func (s *stdin) readError(err error) error {
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
