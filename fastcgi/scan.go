package fastcgi

import "github.com/cgikit/cgikit/fastcgi/wire"

// scanner cuts what comes on a connection into records. It does not wait for the whole of one: the
// content of a large record is handed on in pieces, as it arrives. The zero value is ready.
type scanner struct {
	record  wire.Header
	open    bool   // the header of record was read, and its content has not ended
	left    int    // bytes of its content to come
	padding int    // bytes of its padding to come
	kept    []byte // content so far, of a record that is needed whole
}

// piece is a part of the content of one record.
type piece struct {
	wire.Header
	content []byte // of the scanned bytes; may be empty
	last    bool   // the content ends here
}

// next cuts a piece off data, and returns how many bytes it took. Where ok is false, more must come
// first: what follows the bytes that were taken must be presented again. BEGIN_REQUEST and
// GET_VALUES come whole; their content is valid until the next call. The error is a
// [*wire.ProtocolError].
func (s *scanner) next(data []byte) (p piece, n int, ok bool, err error) {
	n = s.skip(data)
	if !s.open {
		if len(data)-n < wire.HeaderSize {
			return piece{}, n, false, nil
		}
		if s.record, err = wire.ParseHeader([wire.HeaderSize]byte(data[n:])); err != nil {
			return piece{}, n, false, err
		}
		n += wire.HeaderSize
		s.open, s.left = true, s.record.ContentLength
	}
	content := data[n:min(n+s.left, len(data))]
	n += len(content)
	s.left -= len(content)
	last := s.left == 0
	switch {
	case !last && len(content) == 0:
		return piece{}, n, false, nil
	case s.whole() && (!last || s.kept != nil):
		s.kept = append(s.kept, content...)
		content = s.kept
	}
	if last {
		s.open, s.padding, s.kept = false, s.record.PaddingLength, nil
		n += s.skip(data[n:])
	}
	return piece{s.record, content, last}, n, last || !s.whole(), nil
}

// whole reports whether the record is needed whole.
func (s *scanner) whole() bool {
	return s.record.Type == wire.TypeBeginRequest || s.record.Type == wire.TypeGetValues
}

// skip returns how many bytes of data are padding, which is ignored (FastCGI section 3.3).
func (s *scanner) skip(data []byte) int {
	if s.open {
		return 0
	}
	n := min(s.padding, len(data))
	s.padding -= n
	return n
}

// within reports whether a record has begun and not ended.
func (s *scanner) within() bool { return s.open || s.padding > 0 }
