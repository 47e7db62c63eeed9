package fastcgi

import "github.com/cgikit/cgikit/fastcgi/wire"

// scanner splits the input of a connection into records. It returns the content of a large record
// in pieces, as it arrives. The zero value is ready to use.
type scanner struct {
	record  wire.Header
	open    bool   // the header of record was read, and its content has not ended
	left    int    // bytes of its content still to read
	padding int    // bytes of its padding still to read
	kept    []byte // content so far of a record that must not be split
}

// piece is a part of the content of one record.
type piece struct {
	wire.Header
	content []byte // a part of the scanned data; may be empty
	last    bool   // the content of the record ends with this piece
}

// nextPiece scans one piece from data, and returns how many bytes it has scanned. ok is false if
// more data must be read first: the next call must get the bytes of data that were not scanned, and
// more. BEGIN_REQUEST and GET_VALUES are returned in one piece, whose content is valid until the
// next call. The error is a [*wire.ProtocolError].
func (s *scanner) nextPiece(data []byte) (p piece, n int, ok bool, err error) {
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
	case s.mustJoin() && (!last || s.kept != nil):
		s.kept = append(s.kept, content...)
		content = s.kept
	}
	if last {
		s.open, s.padding, s.kept = false, s.record.PaddingLength, nil
		n += s.skip(data[n:])
	}
	return piece{s.record, content, last}, n, last || !s.mustJoin(), nil
}

// mustJoin reports whether the record must be returned in one piece.
func (s *scanner) mustJoin() bool {
	return s.record.Type == wire.TypeBeginRequest || s.record.Type == wire.TypeGetValues
}

// skip scans padding and returns its length. Padding is ignored (FastCGI section 3.3).
func (s *scanner) skip(data []byte) int {
	if s.open {
		return 0
	}
	n := min(s.padding, len(data))
	s.padding -= n
	return n
}

// within reports whether a record has begun but not ended.
func (s *scanner) within() bool { return s.open || s.padding > 0 }
