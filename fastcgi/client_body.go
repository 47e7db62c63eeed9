package fastcgi

import (
	"io"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// clientBody is the body of a request that a Client sends.
type clientBody struct {
	r      io.Reader // nil: there is none
	length int64     // negative: to the end of r
	memory bool      // r need not be waited for, and is short
}

// inMemory bounds a body that is sent with the head.
const inMemory = 32 << 10

func clientBodyOf(r *gateway.Request, role Role) (*clientBody, error) {
	none := &clientBody{memory: true}
	if role == RoleAuthorizer {
		return none, nil
	}
	length, err := exchange.BodyLength(r)
	if err != nil || length == 0 {
		return none, err
	}
	_, memory := exchange.InMemory(r.Stdin)
	return &clientBody{r: r.Stdin, length: length, memory: memory && length <= inMemory}, nil
}

// streamed reports whether the body is sent beside the reading of the answer.
func (b *clientBody) streamed() bool { return !b.memory }

// stdinBuffers hold one STDIN record each, and the one that ends the stream.
var stdinBuffers = sync.Pool{New: func() any { return new([wire.HeaderSize + wire.AlignedContent + wire.HeaderSize]byte) }}

// send sends the body as it comes: one read is one record. The record that ends the stream goes with the last byte where the length is
// known: an application that answers as soon as it has them all is met with nothing more. Before that write last is called.
func (b *clientBody) send(w io.Writer, id uint16, last func()) (err error) {
	buf := stdinBuffers.Get().(*[wire.HeaderSize + wire.AlignedContent + wire.HeaderSize]byte)
	defer stdinBuffers.Put(buf)
	for left := b.length; ; {
		content := buf[wire.HeaderSize : wire.HeaderSize+wire.AlignedContent]
		if left >= 0 && left < wire.AlignedContent {
			content = content[:left]
		}
		n, readErr := readSome(b.r, content)
		if left > 0 {
			left -= int64(n)
		}
		ended := left == 0 || left < 0 && readErr == io.EOF
		if readErr != nil && !ended {
			return bodyError(readErr)
		}
		if ended {
			last()
		}
		if err := writeStdin(w, buf[:], id, n, ended); ended || err != nil {
			return err
		}
	}
}

// readSome reads until there is a byte or an error: a reader may return neither, and a broken one does so for ever.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// writeStdin sends the n bytes that stand in buf behind the room for a header.
func writeStdin(w io.Writer, buf []byte, id uint16, n int, ended bool) error {
	message := buf[:0]
	if n > 0 {
		wire.AppendPadded(message, wire.TypeStdin, id, nil, 0)
		message = wire.CloseRecord(buf[:wire.HeaderSize+n], 0)
	}
	if ended {
		message = wire.AppendPadded(message, wire.TypeStdin, id, nil, 0)
	}
	_, err := w.Write(message)
	return err
}
