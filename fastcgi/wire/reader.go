package wire

import (
	"errors"
	"io"
)

// RecordReader reads records from a connection. The caller sets the deadlines. It reads no byte
// beyond the record that it returns, and makes two reads for each record. To save system calls,
// give it a
// bufio.Reader.
type RecordReader struct {
	r       io.Reader
	head    [HeaderSize]byte
	content []byte // reused; grows to the largest record, at most 64 KiB
}

// NewRecordReader returns a RecordReader of r.
func NewRecordReader(r io.Reader) *RecordReader { return &RecordReader{r: r} }

// Next reads one record. Its content is valid until the next call. At the end of the input the
// error is io.EOF between records and io.ErrUnexpectedEOF within one. Other errors are a
// [*ProtocolError] or the error of the connection.
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
