package client

import (
	"errors"
	"io"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// stdoutReader reads the records of one response: Read returns the bytes of STDOUT, STDERR goes to
// a writer, and END_REQUEST is io.EOF or the error that its protocol status means.
type stdoutReader struct {
	conn       *conn
	stderr     io.Writer // if nil, STDERR is dropped
	stderrLeft int64     // bytes of STDERR that may still arrive; negative is no bound
	left       int       // unread content of the current STDOUT record, in bytes
	padding    int       // after that content, in bytes
	withEnd    bool      // Read returns io.EOF with the last bytes if END_REQUEST has arrived with them
	empty      int       // records in a row without content
	end        wire.EndRequest
	complete   bool // end has the status FCGI_REQUEST_COMPLETE
}

// maxEmptyRecords bounds the records in a row that have no content for the response. Each of them
// restarts ReadTimeout, so no timeout would end them.
const maxEmptyRecords = 1000

// Read waits for content of STDOUT records, and returns as much of it as has arrived. If the
// connection ends, the error is io.ErrUnexpectedEOF.
func (s *stdoutReader) Read(p []byte) (n int, err error) {
	for s.left == 0 && err == nil {
		err = s.nextRecord()
	}
	if err == nil && s.conn.in.Buffered() == 0 {
		n = s.readNow(p)
	}
	if err == nil && n == 0 {
		n, err = s.conn.in.Read(p[:min(len(p), s.left)])
		s.left -= n
	}
	if err == nil {
		n += s.readNow(p[n:])
	}
	for err == nil && s.left == 0 && s.withEnd && s.hasEnd() {
		err = s.nextRecord()
	}
	if err == io.EOF && !s.complete {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// readNow reads the content that has arrived: the rest of a record that has begun, and that of the
// records that are buffered then.
func (s *stdoutReader) readNow(p []byte) (n int) {
	for n < len(p) {
		if s.left == 0 && (s.buffered() == 0 || s.nextRecord() != nil) {
			break
		}
		k := s.conn.in.ReadNow(p[n:min(len(p), n+s.left)])
		if k == 0 {
			break
		}
		n, s.left = n+k, s.left-k
	}
	return n
}

// buffered returns how many bytes of content the next Read returns at least without waiting. If it
// is not 0 between two records, nextRecord does not fail.
func (s *stdoutReader) buffered() int {
	in := s.conn.in
	if s.left > 0 {
		return min(s.left, in.Buffered())
	}
	more := in.Buffered() - s.padding - wire.HeaderSize
	if more <= 0 {
		return 0
	}
	b, _ := in.Peek(s.padding + wire.HeaderSize)
	h, err := wire.ParseHeader([wire.HeaderSize]byte(b[s.padding:]))
	if err != nil || h.Type != wire.TypeStdout || h.ID != s.conn.id {
		return 0
	}
	return min(h.ContentLength, more)
}

// hasEnd reports whether the next record is buffered and ends the request, or is the empty one
// that ends a stream.
func (s *stdoutReader) hasEnd() bool {
	in := s.conn.in
	begin := s.padding + wire.HeaderSize
	if in.Buffered() < begin {
		return false
	}
	b, _ := in.Peek(begin)
	h, err := wire.ParseHeader([wire.HeaderSize]byte(b[s.padding:]))
	switch {
	case err != nil || h.ID != s.conn.id:
		return false
	case h.Type == wire.TypeEndRequest:
		return in.Buffered() >= begin+h.ContentLength+h.PaddingLength
	}
	return h.ContentLength == 0 && (h.Type == wire.TypeStdout || h.Type == wire.TypeStderr)
}

// nextRecord reads the next record. It leaves the content of a STDOUT record unread.
func (s *stdoutReader) nextRecord() error {
	if _, err := s.conn.in.Discard(s.padding); err != nil {
		return err
	}
	s.padding = 0
	h, err := s.conn.readHeader()
	if err != nil {
		return err
	}
	if err := s.handleHeader(h); err != nil {
		return err
	}
	s.padding = h.PaddingLength
	switch h.Type {
	// an empty record does not end the response: php-fpm before 7.0.8 sends some within it
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

// handleHeader counts records without content, and returns an error unless h is STDOUT, STDERR or
// END_REQUEST of this request, or a management record that an application may send without a query.
func (s *stdoutReader) handleHeader(h wire.Header) error {
	management := h.Type == wire.TypeGetValuesResult || h.Type == wire.TypeUnknownType
	switch {
	case h.ID == 0 && management:
	case h.ID != s.conn.id:
		return wire.Errorf("record of type %d of request %d; want request %d", h.Type, h.ID, s.conn.id)
	case h.Type != wire.TypeStdout && h.Type != wire.TypeStderr && h.Type != wire.TypeEndRequest:
		return wire.Errorf("record of type %d, which an application must not send", h.Type)
	}
	s.empty++
	if !management && h.ContentLength > 0 {
		s.empty = 0
	}
	if s.empty > maxEmptyRecords {
		return wire.Errorf("%d records in a row without content", s.empty)
	}
	return nil
}

// copyStderr copies n bytes to stderr as they arrive, within the bound.
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

// writeStderr writes p to stderr. A failed write does not end the response, but an excess over
// MaxStderrBytes does.
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

// readEnd reads the content and the padding of END_REQUEST.
func (s *stdoutReader) readEnd(h wire.Header) error {
	in := s.conn.in
	content, err := in.Peek(min(h.ContentLength, 8))
	if err != nil {
		return err
	}
	if h.ContentLength > len(content) {
		return wire.Errorf("END_REQUEST of %d bytes; want 8", h.ContentLength)
	}
	if s.end, err = wire.ParseEndRequest(content); err != nil {
		return err
	}
	if _, err := in.Discard(h.ContentLength + h.PaddingLength); err != nil {
		return err
	}
	s.padding = 0
	return s.statusError()
}

// statusError returns the error that the protocol status of END_REQUEST means: io.EOF for a
// complete response.
func (s *stdoutReader) statusError() error {
	switch status := s.end.ProtocolStatus; status {
	case wire.RequestComplete:
		s.complete = true
		return io.EOF
	case wire.Overloaded, wire.CannotMultiplex:
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: s.end}
	default:
		return &gateway.BackendError{Status: 502, Reason: "the application refused the request", Err: s.end}
	}
}
