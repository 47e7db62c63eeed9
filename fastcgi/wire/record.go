package wire

import (
	"encoding/binary"
	"fmt"
)

// Sizes of records (FastCGI section 3.3).
const (
	HeaderSize = 8      // bytes of a record's header
	MaxContent = 0xffff // largest content of a record, in bytes
	MaxPadding = 0xff   // largest padding after the content, in bytes

	// AlignedContent is the largest content of a record that needs no padding, in bytes.
	AlignedContent = MaxContent &^ 7
)

// Header is the header of a record (FastCGI section 3.3).
type Header struct {
	Type          RecordType
	ID            uint16 // of the request; 0 is the connection itself
	ContentLength int    // in bytes, 0 to MaxContent
	PaddingLength int    // in bytes, 0 to MaxPadding; receivers ignore the padding
}

// ParseHeader decodes a header. A version other than 1 is a [*ProtocolError]. The reserved byte is
// ignored.
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

// wrongVersion takes a copy of the header, so that the header of a valid record does not escape to
// the heap.
func wrongVersion(b [HeaderSize]byte) error {
	return &ProtocolError{
		Reason: fmt.Sprintf("record of version %d; want version 1: header %q", b[0], b[:]),
		Header: string(b[:]),
	}
}

// AppendRecord appends content as a record, padded with zeros to a multiple of 8 bytes as FastCGI
// section 3.3 recommends. Content longer than MaxContent becomes several records, which only
// streams allow. Empty content becomes the empty record that ends a stream.
func AppendRecord(dst []byte, t RecordType, id uint16, content []byte) []byte {
	for len(content) > MaxContent {
		dst = AppendPadded(dst, t, id, content[:AlignedContent], 0)
		content = content[AlignedContent:]
	}
	return AppendPadded(dst, t, id, content, -len(content)&7)
}

// AppendPadded appends content, at most MaxContent bytes, as one record, followed by padding bytes
// of zeros, 0 to MaxPadding.
func AppendPadded(dst []byte, t RecordType, id uint16, content []byte, padding int) []byte {
	dst = append(dst, 1, byte(t), byte(id>>8), byte(id), byte(len(content)>>8), byte(len(content)), byte(padding), 0)
	dst = append(dst, content...)
	return append(dst, make([]byte, padding)...)
}

// CloseRecord completes the record at dst[start:]. The caller has begun it by AppendPadded with
// empty content and no padding, and has then appended the content, at most MaxContent bytes.
// CloseRecord writes the length into the header and pads the record to a multiple of 8 bytes.
func CloseRecord(dst []byte, start int) []byte {
	size := len(dst) - start - HeaderSize
	padding := -size & 7
	binary.BigEndian.PutUint16(dst[start+4:], uint16(size))
	dst[start+6] = byte(padding)
	return append(dst, make([]byte, padding)...)
}
