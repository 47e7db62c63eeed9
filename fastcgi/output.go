package fastcgi

import (
	"io"
	"net"
	"sync"
	"sync/atomic"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

const (
	// outSize is the size of the output buffer, in bytes. A response that fits in it, head
	// included, is sent in one write.
	outSize = 16 << 10

	// directSize is the smallest write, in bytes, that bypasses the buffer.
	directSize = 8 << 10

	// tailSize is how many bytes at the end of such a write are buffered nevertheless: nginx keeps
	// a connection only if END_REQUEST arrives together with the end of the body. An App that
	// flushed after its last such write gets no tail: the flush would send it by a second write.
	tailSize = 4 << 10

	// recordsAtOnce is how many full records of one request are sent before other requests of its
	// connection may send theirs.
	recordsAtOnce = 4
)

// output is the STDOUT stream of a request. Only the goroutine of the App uses it, except for what
// writer.mu guards.
type output struct {
	request *request
	buf     *outBuffer // nil before something is buffered

	direct  bool // the last Write was a writeDirect, and no Flush came after it
	flushes bool // the App flushed right after the last writeDirect

	appStatus atomic.Uint32

	// Guarded by writer.mu.
	ended      bool // END_REQUEST was sent, or never will be
	aborted    bool // by the web server
	stderrUsed bool
}

// outBuffer has the buffered output, and the memory for the headers and slices of a vector.
type outBuffer struct {
	data    []byte // empty, or one record whose header is not filled in yet
	headers [recordsAtOnce][wire.HeaderSize]byte
	slices  [1 + 2*recordsAtOnce][]byte
	vector  net.Buffers
}

var outBuffers = sync.Pool{New: func() any { return &outBuffer{data: make([]byte, 0, outSize)} }}

// Write implements the response's Stdout.
func (o *output) Write(p []byte) (int, error) {
	b, large := o.buffer(), len(p) >= directSize
	if o.direct { // a Write without a Flush before it
		o.direct, o.flushes = false, false
	}
	switch {
	case large && o.flushes:
		return o.writeDirect(p)
	case len(b.data)+wire.HeaderSize+len(p) <= outSize-endSize:
		o.append(p)
		return len(p), nil
	case large:
		return o.writeDirect(p)
	}
	if err := o.Flush(); err != nil {
		return 0, err
	}
	o.append(p)
	return len(p), nil
}

func (o *output) buffer() *outBuffer {
	if o.buf == nil {
		o.buf = outBuffers.Get().(*outBuffer)
	}
	return o.buf
}

// append appends to the buffered record. There must be room.
func (o *output) append(p []byte) {
	b := o.buffer()
	if len(b.data) == 0 {
		b.data = b.data[:wire.HeaderSize]
	}
	b.data = append(b.data, p...)
}

// Flush implements gateway.Flusher. The record has no padding: nginx 1.22.1 takes padding after a
// head for the beginning of the body, and delays both until more arrives.
func (o *output) Flush() error {
	if o.direct {
		o.direct, o.flushes = false, true
	}
	w, err := o.lock()
	if err != nil {
		return err
	}
	defer w.mu.Unlock()
	if o.buf == nil || len(o.buf.data) == 0 {
		return w.err
	}
	o.sealRecord(0)
	err = w.send(o.buf.data)
	o.buf.data = o.buf.data[:0]
	return err
}

// sealRecord fills in the header of the buffered record.
func (o *output) sealRecord(padding int) {
	b := o.buf
	putHeader(b.data, wire.TypeStdout, o.request.id, len(b.data)-wire.HeaderSize, padding)
	b.data = append(b.data, zeros[:padding]...)
}

// putHeader writes a record's header to the first bytes of b.
func putHeader(b []byte, t wire.RecordType, id uint16, content, padding int) {
	_ = b[wire.HeaderSize-1]
	b[0], b[1] = 1, byte(t)
	b[2], b[3] = byte(id>>8), byte(id)
	b[4], b[5] = byte(content>>8), byte(content)
	b[6], b[7] = byte(padding), 0
}

// writeDirect sends the buffered record and then p without a copy, except for the end of p, which
// it buffers if no Flush is to be expected.
func (o *output) writeDirect(p []byte) (int, error) {
	b, done := o.buffer(), 0
	if len(b.data) > 0 {
		o.sealRecord(0)
	}
	now := (len(p) - tailSize) &^ 7
	if o.flushes {
		now = len(p)
	}
	for done < now {
		b.vector = append(net.Buffers(b.slices[:0]), b.data)
		for i := range b.headers {
			n := min(now-done, wire.AlignedContent)
			if n == 0 {
				break
			}
			putHeader(b.headers[i][:], wire.TypeStdout, o.request.id, n, 0)
			b.vector = append(b.vector, b.headers[i][:], p[done:done+n])
			done += n
		}
		err := o.sendVector(len(p) >= wire.AlignedContent)
		b.data = b.data[:0]
		clear(b.slices[:]) // p belongs to the App
		if err != nil {
			return 0, err
		}
	}
	if now < len(p) {
		o.append(p[now:])
	}
	o.direct = true
	return len(p), nil
}

// sendVector sends the slices of the vector.
func (o *output) sendVector(large bool) error {
	w, err := o.lock()
	if err != nil {
		return err
	}
	defer w.mu.Unlock()
	if large {
		w.widen()
	}
	return w.sendAll(&o.buf.vector)
}

// endSize is the largest size of the records that end a request, padding included, in bytes.
const endSize = 8 + 3*wire.HeaderSize + 8

// lastRecords returns the remaining records of the request, for one write. It leaves the buffer of
// an aborted request alone, because the App may still run.
func (o *output) lastRecords(how outcome) []byte {
	switch how {
	case completed:
		return o.sealComplete()
	case broken:
		return o.sealBroken()
	}
	return o.appendEnd(nil)
}

// appendEnd appends the ends of the streams and of the request (FastCGI section 6.2). Before the
// end of the variables there are no streams to end.
func (o *output) appendEnd(dst []byte) []byte {
	r := o.request
	if o.stderrUsed {
		dst = wire.AppendRecord(dst, wire.TypeStderr, r.id, nil)
	}
	if r.paramsEnded {
		dst = wire.AppendRecord(dst, wire.TypeStdout, r.id, nil)
	}
	return wire.AppendEndRequest(dst, r.id, wire.EndRequest{AppStatus: o.appStatus.Load(), ProtocolStatus: r.status})
}

// sealComplete returns the rest of a complete response.
func (o *output) sealComplete() []byte {
	b := o.buffer()
	if len(b.data) > 0 {
		o.sealRecord(-len(b.data) & 7)
	}
	b.data = o.appendEnd(b.data)
	return b.data
}

// sealBroken returns the buffered record of an incomplete response, without an end.
func (o *output) sealBroken() []byte {
	if o.buf == nil || len(o.buf.data) == 0 {
		return nil
	}
	o.sealRecord(0)
	return o.buf.data
}

// releaseBuffer returns the buffer to the pool.
func (o *output) releaseBuffer() {
	if b := o.buf; b != nil {
		o.buf = nil
		b.data = b.data[:0]
		outBuffers.Put(b)
	}
}

// lock locks the connection's writer to send records of this request. The caller must unlock it. If
// no more records may be sent, it returns an error and locks nothing.
func (o *output) lock() (*writer, error) {
	w := &o.request.conn.writer
	w.mu.Lock()
	if err := o.failure(); err != nil {
		w.mu.Unlock()
		return nil, err
	}
	return w, nil
}

// failure returns why no more records may be sent, or nil. The caller holds the writer's lock.
func (o *output) failure() error {
	switch {
	case o.aborted:
		return io.ErrClosedPipe
	case o.ended:
		return gateway.ErrFinished
	}
	return nil
}
