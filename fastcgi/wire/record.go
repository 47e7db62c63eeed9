package wire

import (
	"encoding/binary"
	"fmt"
)

// Sizes of records (FastCGI section 3.3).
const (
	HeaderSize = 8      // bytes of a record's header
	MaxContent = 0xffff // most content bytes of one record
	MaxPadding = 0xff   // most bytes of padding after the content

	// AlignedContent is the most content bytes of one record that needs no padding.
	AlignedContent = MaxContent &^ 7
)

// Header is the header of a record (FastCGI section 3.3).
type Header struct {
	Type          RecordType
	ID            uint16 // of the request; 0 is the connection itself
	ContentLength int    // 0 to MaxContent bytes
	PaddingLength int    // 0 to MaxPadding bytes, which mean nothing
}

// ParseHeader reads a header. A version other than 1 is a [*ProtocolError]; the reserved byte may
// be anything.
func ParseHeader(b [HeaderSize]byte) (Header, error) {
	if b[0] != 1 {
		return Header{}, wrongVersion(b)
	}
	return Header{
		Type:          RecordType(b[1]),
		ID:            binary.BigEndian.Uint16(b[2:]),
		ContentLength: int(binary.BigEndian.Uint16(b[4:])),
		PaddingLength: int(b[6]),
	}, nil
}

// wrongVersion has a copy of its own of the header, so that a good one need not be on the heap.
func wrongVersion(b [HeaderSize]byte) error {
	return &ProtocolError{
		Reason: fmt.Sprintf("record of version %d, where 1 is spoken: header %q", b[0], b[:]),
		Header: string(b[:]),
	}
}

// AppendRecord appends content as a record, padded with zeros to a multiple of 8 bytes as FastCGI
// section 3.3 advises. Content above MaxContent becomes several records, as only streams may have;
// none becomes the empty record that ends a stream.
func AppendRecord(dst []byte, t RecordType, id uint16, content []byte) []byte {
	for len(content) > MaxContent {
		dst = AppendPadded(dst, t, id, content[:AlignedContent], 0)
		content = content[AlignedContent:]
	}
	return AppendPadded(dst, t, id, content, -len(content)&7)
}

// AppendPadded appends content, at most MaxContent bytes, as one record with that many bytes of
// padding, 0 to MaxPadding.
func AppendPadded(dst []byte, t RecordType, id uint16, content []byte, padding int) []byte {
	dst = append(dst, 1, byte(t), byte(id>>8), byte(id), byte(len(content)>>8), byte(len(content)), byte(padding), 0)
	dst = append(dst, content...)
	return append(dst, make([]byte, padding)...)
}

// CloseRecord completes a record that was begun as an AppendPadded without content at dst[start:]
// and had its content appended, at most MaxContent bytes: it writes the length into the header and
// appends padding to a multiple of 8 bytes.
func CloseRecord(dst []byte, start int) []byte {
	size := len(dst) - start - HeaderSize
	padding := -size & 7
	binary.BigEndian.PutUint16(dst[start+4:], uint16(size))
	dst[start+6] = byte(padding)
	return append(dst, make([]byte, padding)...)
}
