package fastcgi

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// stdoutStream reads the records of one request's answer and gives what they say: STDOUT as its bytes, STDERR to a writer, END_REQUEST as
// io.EOF or as the error that it stands for.
type stdoutStream struct {
	conn    *clientConn
	id      uint16
	stderr  io.Writer // nil drops it
	left    int       // content of the STDOUT record under way
	padding int       // behind the content
	empty   int       // records without any, one after the other
	end     wire.EndRequest
	whole   bool // end says so
}

// maxEmptyRecords bounds the records in a row that bring the answer no further. No timeout would see them.
const maxEmptyRecords = 1000

// Read gives what is there of STDOUT, from one record at a time. The end of the connection is io.ErrUnexpectedEOF.
func (s *stdoutStream) Read(p []byte) (n int, err error) {
	for s.left == 0 && err == nil {
		err = s.next()
	}
	if err == nil {
		n, err = s.conn.in.Read(p[:min(len(p), s.left)])
		s.left -= n
	}
	if err == io.EOF && !s.whole {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads a record up to its content, and the content too unless it is STDOUT.
func (s *stdoutStream) next() error {
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
	case wire.TypeStdout: // an empty one is no end: php-fpm before 7.0.8 sends them in the middle
		s.left = h.ContentLength
		return nil
	case wire.TypeStderr:
		return s.copyStderr(h.ContentLength)
	case wire.TypeEndRequest:
		return s.ended(h)
	default:
		_, err := s.conn.in.Discard(h.ContentLength)
		return err
	}
}

// check accepts what may come: the three types of this request, and what an application says of the connection, which nobody asked.
func (s *stdoutStream) check(h wire.Header) error {
	management := h.Type == wire.TypeGetValuesResult || h.Type == wire.TypeUnknownType
	switch {
	case h.ID == 0 && management:
	case h.ID != s.id:
		return wire.Errorf("record of type %d of request %d, where %d is under way", h.Type, h.ID, s.id)
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

// copyStderr hands n bytes on as they come. A log that cannot be written must not end the response.
func (s *stdoutStream) copyStderr(n int) error {
	in := s.conn.in
	for n > 0 {
		if _, err := in.Peek(1); err != nil {
			return err
		}
		piece, err := in.Peek(min(n, in.Buffered()))
		if err != nil {
			return err
		}
		if s.stderr != nil {
			s.stderr.Write(piece)
		}
		in.Discard(len(piece))
		n -= len(piece)
	}
	return nil
}

// ended reads the rest of END_REQUEST.
func (s *stdoutStream) ended(h wire.Header) error {
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
	switch status := s.end.ProtocolStatus; status {
	case wire.RequestComplete:
		s.whole = true
		return io.EOF
	case wire.Overloaded, wire.CannotMultiplex:
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: errors.New(status.String())}
	default:
		return &gateway.BackendError{Status: 502, Reason: "the application refused the request", Err: errors.New(status.String())}
	}
}
