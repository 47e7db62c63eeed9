package fastcgi

import (
	"errors"
	"io"
	"os"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

const (
	// fileRecord is how much of a file one record carries, in bytes. Whole pages are sent faster
	// than the largest possible record, over TCP and over a unix socket with an enlarged buffer.
	// `go run ./cmd/internal/bench sweep` compares sizes.
	fileRecord = 15 * 4096

	// smallFile is the size, in bytes, up to which a file is copied, so that it is sent in one
	// write with the rest of the response.
	smallFile = 16 << 10
)

// errFileShrank is the error of a response whose file became shorter while it was sent.
var errFileShrank = errors.New("fastcgi: file became shorter while it was sent")

// SendFile implements gateway.FileSender. The content of each record goes from the file to the
// socket by sendfile(2).
func (o *output) SendFile(f gateway.File, n int64) (int64, error) {
	size := remaining(f)
	if n >= 0 {
		size = min(size, n)
	}
	if size <= smallFile {
		return gateway.SendFile(copied{o}, f, n, nil)
	}
	sent := int64(0)
	for sent < size {
		k, err := o.sendRecord(f, min(size-sent, fileRecord))
		sent += k
		if err != nil {
			return sent, err
		}
	}
	if n >= 0 {
		return sent, nil
	}
	grown, err := gateway.SendFile(copied{o}, f, n, nil)
	return sent + grown, err
}

// copied hides SendFile of an output, so that files are copied to it.
type copied struct{ io.Writer }

// sendRecord sends the buffered record, and then size bytes of f as one record.
func (o *output) sendRecord(f gateway.File, size int64) (int64, error) {
	b := o.buffer()
	if len(b.data) > 0 {
		o.sealRecord(0)
	}
	b.data = b.data[:len(b.data)+wire.HeaderSize]
	padding := int(-size & 7)
	putHeader(b.data[len(b.data)-wire.HeaderSize:], wire.TypeStdout, o.request.id, int(size), padding)
	w, err := o.lock()
	if err != nil {
		return 0, err
	}
	defer w.mu.Unlock()
	w.widen()
	err = w.sendStart(b.data, size+int64(padding))
	b.data = b.data[:0]
	if err != nil {
		return 0, err
	}
	return w.sendFile(f, size, padding)
}

// sendFile sends the content of a record whose header is sent. If the file has become shorter,
// zeros replace the missing bytes, so that the peer can still read the records of other requests.
// The response is broken nevertheless.
func (w *writer) sendFile(f gateway.File, size int64, padding int) (int64, error) {
	sent, err := w.socket.SendFile(f, size, w.timeout, w.setDeadline)
	missing := size - sent
	if err == nil && missing > 0 {
		err = errFileShrank
	}
	rest := zeroBytes(missing + int64(padding))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return sent, w.fail(err, rest)
	}
	for _, part := range rest {
		if err := w.send(part); err != nil {
			return sent, err
		}
	}
	return sent, err
}

// remaining returns how many bytes of f follow its offset, or 0 if that is unknown.
func remaining(f gateway.File) int64 {
	s, ok := f.(io.Seeker)
	if !ok {
		return 0
	}
	info, err := f.Stat()
	if err != nil {
		return 0
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0
	}
	return info.Size() - at
}
