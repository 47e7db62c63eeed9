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

// stdin is the gateway's Stdin, which reads a request's Body.
type stdin struct {
	body io.Reader
	// of each Read; zero or less: no bound. At the end of the body net/http removes the deadline
	timeout time.Duration
	control *http.ResponseController
	ended   atomic.Bool // Read returned an error or io.EOF
	failed  atomic.Bool // the error was not io.EOF
	late    atomic.Bool // the error was a timeout
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

// stdout is the gateway's Stdout, which writes to net/http. net/http gets the head separately from
// the body, and sends files itself.
type stdout struct {
	w      http.ResponseWriter
	input  *stdin
	closes bool // the head has "Connection: close"
	sized  bool // the client finds the end of the body by its length
	// of each Write, for HTTP/2: the client may leave its window for the stream closed
	timeout time.Duration
}

// Write writes bytes of the body.
func (s *stdout) Write(p []byte) (int, error) {
	if s.timeout <= 0 {
		return s.w.Write(p)
	}
	control := http.NewResponseController(s.w)
	extendWrite(control, s.timeout)
	n, err := s.w.Write(p)
	_ = control.SetWriteDeadline(time.Time{})
	return n, err
}

// extendWrite sets the deadline of an HTTP/2 stream for sending. A timeout of zero or less is no
// bound.
func extendWrite(control *http.ResponseController, timeout time.Duration) {
	if timeout > 0 {
		_ = control.SetWriteDeadline(time.Now().Add(timeout))
	}
}

// WriteHead implements gateway.HeadWriter. Fields that an outer handler has set stay, except a
// Content-Type if the App has set one. Names become canonical, since net/http finds the fields that
// it uses by their canonical names.
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
		header.Set("Connection", "close") // later bytes of the body must not pass for a request
		s.closes = true
	}
	s.sized = header.Get("Content-Length") != "" || !bodyAllowed(code)
	s.w.WriteHeader(code)
	return nil
}

// SendFile implements gateway.FileSender. net/http sends a file by sendfile(2) if it can, also from
// an io.LimitedReader.
func (s *stdout) SendFile(f gateway.File, n int64) (int64, error) {
	w, ok := s.w.(io.ReaderFrom)
	switch {
	case !ok:
		return gateway.SendFile(writerOnly{s}, f, n, nil)
	case n < 0:
		return w.ReadFrom(f)
	}
	return w.ReadFrom(&io.LimitedReader{R: f, N: n})
}

// Flush implements gateway.Flusher. If an outer handler has a writer without Flush, nothing is
// flushed.
func (s *stdout) Flush() error {
	err := http.NewResponseController(s.w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil
	}
	return err
}
