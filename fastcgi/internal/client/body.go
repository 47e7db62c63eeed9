package client

import (
	"io"
	"sync"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// body is the body of a request.
type body struct {
	r        io.Reader
	length   int64 // negative: to the end of r
	inMemory bool  // it is short, and reading r does not block
}

// maxInMemory bounds a body that is sent with the head of the request, in bytes.
const maxInMemory = 32 << 10

func newBody(r *gateway.Request, role wire.Role) (*body, error) {
	none := &body{inMemory: true}
	if role == wire.RoleAuthorizer {
		return none, nil
	}
	length, err := exchange.BodyLength(r)
	if err != nil || length == 0 {
		return none, err
	}
	_, inMemory := exchange.InMemory(r.Stdin)
	return &body{r: r.Stdin, length: length, inMemory: inMemory && length <= maxInMemory}, nil
}

// streamed reports whether the body is sent while the response is read.
func (b *body) streamed() bool { return !b.inMemory }

// stdinBuffer has room for one STDIN record and the empty record that ends the stream.
type stdinBuffer [wire.HeaderSize + wire.AlignedContent + wire.HeaderSize]byte

var stdinBuffers = sync.Pool{New: func() any { return new(stdinBuffer) }}

// send sends the body as Stdin returns it: each read becomes one record. If the length is known,
// the record that ends the stream is in the same write as the last byte, so that nothing is sent
// after an application has all bytes and may answer. send calls beforeLast before the write that
// ends the stream. A failure of Stdin is a *gateway.BodyError. Any other error is from w.
func (b *body) send(w io.Writer, id uint16, beforeLast func()) error {
	buf := stdinBuffers.Get().(*stdinBuffer)
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
			beforeLast()
		}
		if err := buf.write(w, id, n, ended); ended || err != nil {
			return err
		}
	}
}

// readSome reads until it has a byte or an error. A Read may return neither, and a faulty reader
// never returns either.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// write sends the n content bytes that follow the space for a header in buf. If they are the last,
// it also ends the stream.
func (buf *stdinBuffer) write(w io.Writer, id uint16, n int, last bool) error {
	message := buf[:0]
	if n > 0 {
		wire.AppendPadded(message, wire.TypeStdin, id, nil, 0)
		message = wire.CloseRecord(buf[:wire.HeaderSize+n], 0)
	}
	if last {
		message = wire.AppendPadded(message, wire.TypeStdin, id, nil, 0)
	}
	_, err := w.Write(message)
	return err
}

// bodyError returns the error of an exchange whose Stdin failed, or ended before its declared
// length.
func bodyError(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &gateway.BodyError{Err: err}
}
