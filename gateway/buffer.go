package gateway

import "sync"

// buffer is a pooled block of bytes: a head, or body bytes that wait. Its methods take a nil buffer
// for an empty one.
type buffer struct{ data []byte }

// A buffer holds the head of an ordinary response and the 4 KiB of body that go out with it. Larger
// ones, grown for a large head, are not pooled, so that one such response does not hold memory for
// ever.
const (
	bufferSize = 2*headBuffer - 64
	bufferKeep = 64 << 10
)

var buffers = sync.Pool{New: func() any { return &buffer{data: make([]byte, 0, bufferSize)} }}

func getBuffer() *buffer { return buffers.Get().(*buffer) }

func (b *buffer) release() {
	if b == nil || cap(b.data) > bufferKeep {
		return
	}
	b.reset()
	buffers.Put(b)
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
