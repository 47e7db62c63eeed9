package gateway

import "sync"

// buffer is a pooled block of bytes that holds a head or buffered body bytes. For its methods, a
// nil buffer is an empty one.
type buffer struct{ data []byte }

// A buffer has room for the head of an ordinary response and the 4 KiB of body that are sent with
// it. A buffer that has grown beyond bufferKeep for a large head is not pooled, so that its memory
// is freed.
const (
	bufferSize = 2*headBuffer - 64
	bufferKeep = 64 << 10
)

var bufferPool = sync.Pool{New: func() any { return &buffer{data: make([]byte, 0, bufferSize)} }}

func getBuffer() *buffer { return bufferPool.Get().(*buffer) }

func (b *buffer) release() {
	if b == nil || cap(b.data) > bufferKeep {
		return
	}
	b.reset()
	bufferPool.Put(b)
}

func (b *buffer) bytes() []byte {
	if b == nil {
		return nil
	}
	return b.data
}

func (b *buffer) len() int { return len(b.bytes()) }

func (b *buffer) reset() {
	if b != nil {
		b.data = b.data[:0]
	}
}
