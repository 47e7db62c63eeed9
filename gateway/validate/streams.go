package validate

import (
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
)

// stdin checks the gateway's input stream and how the application reads it.
type stdin struct {
	x      *exchange
	in     io.Reader
	length int64 // unknownLength if the body ends with the stream
	read   int64
	eof    bool
}

func (s *stdin) Read(p []byte) (int, error) {
	if s.x.ended.Load() {
		s.x.violated(requestAfterReturn, "Stdin.Read")
		return 0, gateway.ErrFinished
	}
	if err := s.x.fatalViolation(); err != nil {
		return 0, err
	}
	if s.eof && len(p) > 0 {
		s.x.violated(stdinPastEnd, "")
	}
	n, err := s.in.Read(p)
	s.checkRead(len(p), n, err)
	if failure := s.x.fatalViolation(); failure != nil {
		return 0, failure
	}
	return n, err
}

// Failure calls that of the gateway's stream. gateway.Blame calls it.
func (s *stdin) Failure() error {
	if in, ok := s.in.(interface{ Failure() error }); ok {
		return in.Failure()
	}
	return nil
}

// Interrupted calls that of the gateway's stream. gateway.Blame calls it.
func (s *stdin) Interrupted(drain bool) error {
	if in, ok := s.in.(interface{ Interrupted(drain bool) error }); ok {
		return in.Interrupted(drain)
	}
	return nil
}

// checkRead checks the result of a Read of size bytes. A Read that fails because the request has
// ended is not an end of the body.
func (s *stdin) checkRead(size, n int, err error) {
	if n < 0 || n > size {
		s.x.violated(stdinCount, fmt.Sprintf("%d of %d", n, size))
		return
	}
	s.read += int64(n)
	switch {
	case s.eof && (n > 0 || size > 0 && err == nil):
		s.x.violated(stdinRevived, fmt.Sprintf("%d, %v", n, err))
	case s.length != unknownLength && s.read > s.length:
		s.x.violated(stdinLong, fmt.Sprintf("more than %d", s.length))
	case s.length != unknownLength && err == io.EOF && s.read < s.length:
		s.x.violated(stdinShort, fmt.Sprintf("%d of %d", s.read, s.length))
	}
	s.eof = s.eof || err == io.EOF
}

// stderr checks the error stream.
type stderr struct {
	x   *exchange
	out io.Writer
}

func (s *stderr) Write(p []byte) (int, error) {
	if s.x.ended.Load() {
		s.x.violated(requestAfterReturn, "Stderr.Write")
		return s.out.Write(p)
	}
	n, err := s.out.Write(p)
	s.x.checkCount(stderrCount, len(p), n, err)
	return n, err
}

// checkCount checks the result of a Write of size bytes against the contract of io.Writer.
func (x *exchange) checkCount(r rule, size, n int, err error) {
	if n < 0 || n > size || n < size && err == nil {
		x.violated(r, fmt.Sprintf("%d of %d, %v", n, size, err))
	}
}
