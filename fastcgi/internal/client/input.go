package client

import (
	"sync"

	"github.com/cgikit/cgikit/gateway/transport"
)

// readBuffer is the size of the read buffer, in bytes. A small response fits in it. The content of
// larger records bypasses it.
const readBuffer = 8 << 10

// input is the buffered input of a connection. bufio.Reader does the same, except for ReadNow: one
// system call reads the rest of a record into the caller's memory, and the records after it into
// the buffer.
type input struct {
	call *transport.Call
	text []byte // unread, in room
	err  error  // of the last Read of call, to return after text
	room [readBuffer]byte
}

// inputs has those that no exchange uses. A new one would cost more memory than all else that an
// exchange over a connection of its own needs.
var inputs = sync.Pool{New: func() any { return new(input) }}

// Reset discards the buffer and makes the input read from call.
func (in *input) Reset(call *transport.Call) { in.call, in.text, in.err = call, nil, nil }

// Buffered returns how many bytes can be read without waiting.
func (in *input) Buffered() int { return len(in.text) }

// Peek waits until n bytes are buffered, at most readBuffer, and returns them. They are valid until
// the next call. With an error it returns less.
func (in *input) Peek(n int) ([]byte, error) {
	for len(in.text) < n {
		if err := in.fill(); err != nil {
			return in.text, err
		}
	}
	return in.text[:n], nil
}

// fill reads more into the buffer, which must have room.
func (in *input) fill() error {
	if in.err != nil {
		return in.err
	}
	kept := copy(in.room[:], in.text)
	n := 0
	n, in.err = readSome(in.call, in.room[kept:])
	in.text = in.room[:kept+n]
	if n == 0 {
		return in.err
	}
	return nil
}

// Discard skips n bytes. It waits for them.
func (in *input) Discard(n int) (skipped int, err error) {
	for {
		now := min(n-skipped, len(in.text))
		in.text, skipped = in.text[now:], skipped+now
		if skipped == n {
			return n, nil
		}
		if err := in.fill(); err != nil {
			return skipped, err
		}
	}
}

// Read implements io.Reader. If nothing is buffered, and p is not smaller than the buffer, it reads
// into p.
func (in *input) Read(p []byte) (int, error) {
	if len(in.text) == 0 && in.err == nil && len(p) >= readBuffer {
		return in.call.Read(p)
	}
	if _, err := in.Peek(min(len(p), 1)); err != nil {
		return 0, err
	}
	return in.readBuffered(p), nil
}

func (in *input) readBuffered(p []byte) int {
	n := copy(p, in.text)
	in.text = in.text[n:]
	return n
}

// ReadNow reads what has arrived into p, and if that is full, more into the buffer. It does not
// wait, and returns no error: the next call that waits returns it.
func (in *input) ReadNow(p []byte) int {
	n := in.readBuffered(p)
	if n == len(p) || in.err != nil {
		return n
	}
	got := in.call.ReadNow(p[n:], in.room[:])
	into := min(got, len(p)-n)
	in.text = in.room[:got-into]
	return n + into
}
