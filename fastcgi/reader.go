package fastcgi

import (
	"io"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway/transport"
)

// reader reads what comes on a connection and cuts it into pieces of records. It is for the
// goroutine that reads.
type reader struct {
	socket     *transport.Socket
	buf        *inBuffer // nil while nothing is in it
	start, end int       // buf[start:end] was not cut yet
	scan       scanner
	records    int // that have ended
}

// position is where in the stream of records a reader waits.
type position struct {
	records int    // that have ended
	within  bool   // another one has begun
	body    uint16 // the request of which that is STDIN or DATA; zero for none
}

// inBuffer takes what arrives of an ordinary request in one call.
type inBuffer [16 << 10]byte

var inBuffers = sync.Pool{New: func() any { return new(inBuffer) }}

// next returns the next piece of a record that has come. It is good until fill. ok is false where
// more must come first.
func (r *reader) next() (p piece, ok bool, err error) {
	if r.start == r.end {
		return piece{}, false, nil
	}
	p, n, ok, err := r.scan.next(r.buf[r.start:r.end])
	r.start += n
	if ok && p.last {
		r.records++
	}
	return p, ok, err
}

// position returns where the reader is.
func (r *reader) position() position {
	at := position{records: r.records, within: r.scan.within() || r.start < r.end}
	if t := r.scan.record.Type; r.scan.open && (t == wire.TypeStdin || t == wire.TypeData) {
		at.body = r.scan.record.ID
	}
	return at
}

// fill waits for more under the read deadline. Meanwhile the reader holds no buffer, unless the
// beginning of a header is in it.
func (r *reader) fill() error {
	if r.start > 0 {
		r.start, r.end = 0, copy(r.buf[:], r.buf[r.start:r.end])
	}
	n, err := r.socket.ReadLazily(r)
	switch {
	case n > 0: // an error beside it will come again
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

// Release implements transport.Buffer. The beginning of a header stays where it is.
func (r *reader) Release() {
	if r.buf != nil && r.end == 0 {
		inBuffers.Put(r.buf)
		r.buf = nil
	}
}

// discard lets go of all that has come.
func (r *reader) discard() {
	r.start, r.end = 0, 0
	r.Release()
}
