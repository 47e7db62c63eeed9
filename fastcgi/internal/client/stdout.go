package client

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// stdoutReader reads the records of one response: STDOUT as its bytes, STDERR to a writer,
// END_REQUEST as io.EOF or as the error that it stands for.
type stdoutReader struct {
	conn       *conn
	stderr     io.Writer // nil drops it
	stderrLeft int64     // how much of it may still come; negative is no bound
	left       int       // content of the STDOUT record under way that has not been read
	padding    int       // after that content
	empty      int       // records in a row without content
	end        wire.EndRequest
	complete   bool // by end
}

// maxEmptyRecords bounds the records in a row that bring the response no further: no timeout would
// end them.
const maxEmptyRecords = 1000

// Read gives what there is of STDOUT, from one record at a time. The end of the connection is
// io.ErrUnexpectedEOF.
func (s *stdoutReader) Read(p []byte) (n int, err error) {
	for s.left == 0 && err == nil {
		err = s.nextRecord()
	}
	if err == nil {
		n, err = s.conn.in.Read(p[:min(len(p), s.left)])
		s.left -= n
	}
	if err == io.EOF && !s.complete {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// nextRecord reads a record up to its content, and the content too unless it is STDOUT.
func (s *stdoutReader) nextRecord() error {
	if _, err := s.conn.in.Discard(s.padding); err != nil {
		return err
	}
	s.padding = 0
	h, err := s.conn.header()
	if err != nil {
		return err
	}
	if err := s.check(h); err != nil {
		return err
	}
	s.padding = h.PaddingLength
	switch h.Type {
	// an empty one ends nothing: php-fpm before 7.0.8 sends them in the middle
	case wire.TypeStdout:
		s.left = h.ContentLength
		return nil
	case wire.TypeStderr:
		return s.copyStderr(h.ContentLength)
	case wire.TypeEndRequest:
		return s.readEnd(h)
	default:
		_, err := s.conn.in.Discard(h.ContentLength)
		return err
	}
}

// check accepts the three types of record of this request, and what an application says about the
// connection without being asked.
func (s *stdoutReader) check(h wire.Header) error {
	management := h.Type == wire.TypeGetValuesResult || h.Type == wire.TypeUnknownType
	switch {
	case h.ID == 0 && management:
	case h.ID != s.conn.id:
		return wire.Errorf("record of type %d of request %d, where %d is under way", h.Type, h.ID, s.conn.id)
	case h.Type != wire.TypeStdout && h.Type != wire.TypeStderr && h.Type != wire.TypeEndRequest:
		return wire.Errorf("record of type %d, which is not for a web server", h.Type)
	}
	s.empty++
	if !management && h.ContentLength > 0 {
		s.empty = 0
	}
	if s.empty > maxEmptyRecords {
		return wire.Errorf("%d records in a row that bring nothing", s.empty)
	}
	return nil
}

// copyStderr hands n bytes on as they come, within the bound.
func (s *stdoutReader) copyStderr(n int) error {
	in := s.conn.in
	for n > 0 {
		if _, err := in.Peek(1); err != nil {
			return err
		}
		piece, err := in.Peek(min(n, in.Buffered()))
		if err != nil {
			return err
		}
		if err := s.writeStderr(piece); err != nil {
			return err
		}
		in.Discard(len(piece))
		n -= len(piece)
	}
	return nil
}

// writeStderr hands p on. A log that cannot be written does not end the response, but too much of
// it does.
func (s *stdoutReader) writeStderr(p []byte) error {
	excess := s.stderrLeft >= 0 && int64(len(p)) > s.stderrLeft
	if excess {
		p = p[:s.stderrLeft]
	}
	if s.stderr != nil && len(p) > 0 {
		s.stderr.Write(p)
	}
	if excess {
		return &gateway.BackendError{Status: 502, Reason: "the application wrote too much to its error stream", Err: errStderr}
	}
	if s.stderrLeft > 0 {
		s.stderrLeft -= int64(len(p))
	}
	return nil
}

var errStderr = errors.New("fastcgi: more FCGI_STDERR than MaxStderrBytes")

// readEnd reads the rest of END_REQUEST.
func (s *stdoutReader) readEnd(h wire.Header) error {
	in := s.conn.in
	content, err := in.Peek(min(h.ContentLength, 8))
	if err != nil {
		return err
	}
	if h.ContentLength > len(content) {
		return wire.Errorf("END_REQUEST of %d bytes, where it has 8", h.ContentLength)
	}
	if s.end, err = wire.ParseEndRequest(content); err != nil {
		return err
	}
	if _, err := in.Discard(h.ContentLength + h.PaddingLength); err != nil {
		return err
	}
	s.padding = 0
	return s.ending()
}

// ending is what END_REQUEST means for the response.
func (s *stdoutReader) ending() error {
	switch status := s.end.ProtocolStatus; status {
	case wire.RequestComplete:
		s.complete = true
		return io.EOF
	case wire.Overloaded, wire.CannotMultiplex:
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: errors.New(status.String())}
	default:
		return &gateway.BackendError{Status: 502, Reason: "the application refused the request", Err: errors.New(status.String())}
	}
}
