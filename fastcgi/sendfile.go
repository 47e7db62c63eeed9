package fastcgi

import (
	"errors"
	"io"
	"os"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

const (
	// fileRecord is how much of a file one record has, in bytes. Whole pages are sent faster than
	// the largest record, over TCP and on a unix socket that was widened. `go run
	// ./testdata/bench/fastcgi sweep` compares sizes.
	fileRecord = 15 * 4096

	// smallFile is the size, in bytes, up to which a file is copied, to be sent in one write with
	// the rest of the response.
	smallFile = 16 << 10
)

// errFileShrank breaks a response: its end is missing.
var errFileShrank = errors.New("fastcgi: file became shorter while it was sent")

// SendFile implements gateway.FileSender. The content of each record goes from the file to the
// socket by sendfile(2).
func (o *output) SendFile(f gateway.File, n int64) (int64, error) {
	size := rest(f)
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

// copied hides that output is a FileSender, so that files are copied to it.
type copied struct{ io.Writer }

// sendRecord sends size bytes of f as one record, after what waits.
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

// sendFile sends the content of a record whose header is sent. Where the file has become shorter,
// zeros take the place of what is missing, so that the other requests of the connection stay
// readable; the response is broken all the same.
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

// rest returns how much of f follows its offset, 0 where that is not known.
func rest(f gateway.File) int64 {
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
