package wire

import (
	"errors"
	"io"
)

// RecordReader reads records off a connection, whose deadlines are the caller's. It reads no byte
// beyond the record that it returns: for a connection, put a bufio.Reader between.
type RecordReader struct {
	r       io.Reader
	head    [HeaderSize]byte
	content []byte // reused; it grows to one record, 64 KiB, at most
}

// NewRecordReader returns a RecordReader of r.
func NewRecordReader(r io.Reader) *RecordReader { return &RecordReader{r: r} }

// Next reads one record. Its content is good until the next call. The error is io.EOF between
// records, io.ErrUnexpectedEOF within one, a [*ProtocolError], or what the connection gave.
func (r *RecordReader) Next() (Header, []byte, error) {
	if _, err := io.ReadFull(r.r, r.head[:]); err != nil {
		return Header{}, nil, err
	}
	h, err := ParseHeader(r.head)
	if err != nil {
		return Header{}, nil, err
	}
	size := h.ContentLength + h.PaddingLength
	if size > cap(r.content) {
		r.content = make([]byte, max(size, 2048))
	}
	content := r.content[:size]
	if _, err := io.ReadFull(r.r, content); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Header{}, nil, err
	}
	return h, content[:h.ContentLength], nil
}
