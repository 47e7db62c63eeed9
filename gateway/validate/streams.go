package validate

import (
	"fmt"
	"io"

	"github.com/cgikit/cgikit/gateway"
)

// stdin checks the gateway's input stream and how it is read.
type stdin struct {
	x      *exchange
	in     io.Reader
	length int64 // unknownLength where the stream tells
	read   int64
	eof    bool
}

func (s *stdin) Read(p []byte) (int, error) {
	if s.x.ended.Load() {
		s.x.violated(requestAfterReturn, "Stdin.Read")
		return 0, gateway.ErrFinished
	}
	if err := s.x.failed(); err != nil {
		return 0, err
	}
	if s.eof && len(p) > 0 {
		s.x.violated(stdinPastEnd, "")
	}
	n, err := s.in.Read(p)
	s.check(len(p), n, err)
	if failure := s.x.failed(); failure != nil {
		return 0, failure
	}
	return n, err
}

// Failure passes on what gateway.Blame asks for.
func (s *stdin) Failure() error {
	if in, ok := s.in.(interface{ Failure() error }); ok {
		return in.Failure()
	}
	return nil
}

// Interrupted is the same.
func (s *stdin) Interrupted(drain bool) error {
	if in, ok := s.in.(interface{ Interrupted(drain bool) error }); ok {
		return in.Interrupted(drain)
	}
	return nil
}

// check looks at what a Read of that size returned. A Read that the end of the request overtook
// fails, which is no end of file.
func (s *stdin) check(size, n int, err error) {
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

// checkCount holds what a Write of size bytes returned to io.Writer's contract.
func (x *exchange) checkCount(r rule, size, n int, err error) {
	if n < 0 || n > size || n < size && err == nil {
		x.violated(r, fmt.Sprintf("%d of %d, %v", n, size, err))
	}
}
