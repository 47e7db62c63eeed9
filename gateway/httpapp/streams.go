package httpapp

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

// stdin is the gateway's Stdin over a request's Body.
type stdin struct {
	body io.Reader
	// of each Read; not positive is none. At the body's end net/http takes the deadline away
	timeout time.Duration
	control *http.ResponseController
	ended   atomic.Bool // Read returned an error or the end
	failed  atomic.Bool // it was an error
	late    atomic.Bool // of a client that fell silent
}

func (s *stdin) Read(p []byte) (int, error) {
	if s.timeout > 0 {
		_ = s.control.SetReadDeadline(time.Now().Add(s.timeout))
	}
	n, err := s.body.Read(p)
	if err != nil {
		s.failed.Store(err != io.EOF)
		s.late.Store(errors.Is(err, os.ErrDeadlineExceeded))
		s.ended.Store(true)
	}
	return n, err
}

// stdout is the gateway's Stdout over net/http, which takes the head apart from the body and knows
// files by itself.
type stdout struct {
	w      http.ResponseWriter
	input  *stdin
	closes bool // the head says that the connection ends with the response
}

// Write passes body bytes on.
func (s *stdout) Write(p []byte) (int, error) { return s.w.Write(p) }

// WriteHead implements gateway.HeadWriter. Fields that a handler around us has set stay, but for a
// Content-Type that the App has its own of. Names become canonical, since that is how net/http
// finds those that it cares about.
func (s *stdout) WriteHead(status string, fields *headers.Headers) error {
	code, err := strconv.Atoi(status[:3])
	if err != nil {
		return err
	}
	header := s.w.Header()
	if fields.Has("Content-Type") {
		header.Del("Content-Type")
	}
	for name, value := range fields.All() {
		header.Add(name, value)
	}
	if _, ok := header["Content-Type"]; !ok {
		header["Content-Type"] = nil // keeps net/http from sniffing one
	}
	if s.input.failed.Load() {
		header.Set("Connection", "close") // what comes of the body yet must not pass for a request
		s.closes = true
	}
	s.w.WriteHeader(code)
	return nil
}

// SendFile implements gateway.FileSender. net/http sends a file by sendfile(2) where it can, also
// from an io.LimitedReader.
func (s *stdout) SendFile(f gateway.File, n int64) (int64, error) {
	w, ok := s.w.(io.ReaderFrom)
	switch {
	case !ok:
		return gateway.SendFile(s.w, f, n, nil)
	case n < 0:
		return w.ReadFrom(f)
	}
	return w.ReadFrom(&io.LimitedReader{R: f, N: n})
}

// Flush implements gateway.Flusher. A handler around us may have a writer that cannot: then its
// buffer is its own affair.
func (s *stdout) Flush() error {
	err := http.NewResponseController(s.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
