package fastcgi

import (
	"io"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// reader reads a connection and splits the input into pieces of records. Only the reading goroutine
// uses it.
type reader struct {
	socket     *transport.Socket
	buf        *inBuffer // nil while it is empty
	start, end int       // buf[start:end] is not scanned yet
	scan       scanner
	records    int    // complete records so far
	waits      func() // is called before fill waits
}

// position is where in the stream of records a reader waits.
type position struct {
	records int    // complete records so far
	within  bool   // the next record has begun
	body    uint16 // if that is STDIN or DATA: the id of its request; else zero
}

// inBuffer is large enough to read an ordinary request with one call.
type inBuffer [16 << 10]byte

var inBuffers = sync.Pool{New: func() any { return new(inBuffer) }}

// nextPiece returns the next piece of a record from the buffer. It is valid until fill. ok is false
// if more must be read first.
func (r *reader) nextPiece() (p piece, ok bool, err error) {
	if r.start == r.end {
		return piece{}, false, nil
	}
	p, n, ok, err := r.scan.nextPiece(r.buf[r.start:r.end])
	r.start += n
	if ok && p.last {
		r.records++
	}
	return p, ok, err
}

// position returns the position of the reader.
func (r *reader) position() position {
	at := position{records: r.records, within: r.scan.within() || r.start < r.end}
	if t := r.scan.record.Type; r.scan.open && (t == wire.TypeStdin || t == wire.TypeData) {
		at.body = r.scan.record.ID
	}
	return at
}

// fill waits for more until the read deadline. Meanwhile the reader has no buffer, unless it holds
// the beginning of a header.
func (r *reader) fill() error {
	if r.start > 0 {
		r.start, r.end = 0, copy(r.buf[:], r.buf[r.start:r.end])
	}
	n, err := r.socket.ReadLazily(r)
	switch {
	case n > 0: // the next call returns an error beside it again
		r.end += n
		return nil
	case err == nil:
		return io.ErrNoProgress
	}
	return err
}

// Acquire implements transport.Buffer.
func (r *reader) Acquire() []byte {
	if r.buf == nil {
		r.buf = inBuffers.Get().(*inBuffer)
	}
	return r.buf[r.end:]
}

// Release implements transport.Buffer.
func (r *reader) Release() {
	r.waits()
	r.releaseBuffer()
}

// releaseBuffer keeps a buffer that holds the beginning of a header.
func (r *reader) releaseBuffer() {
	if r.buf != nil && r.end == 0 {
		inBuffers.Put(r.buf)
		r.buf = nil
	}
}

// discard drops the buffered input.
func (r *reader) discard() {
	r.start, r.end = 0, 0
	r.releaseBuffer()
}
