package gateway

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/cgikit/cgikit/util"
)

// File is a source that the system may send by itself: *os.File, and what io.Copy makes of one.
type File interface {
	io.Reader
	syscall.Conn
	Stat() (os.FileInfo, error)
}

// ReadFrom implements io.ReaderFrom. A regular file, also inside an io.LimitedReader or a
// FileWrapper, commits the head and is sent by sendfile(2) where the system can; anything else is
// copied in blocks of 32 KiB. Like io.Copy it does not flush between blocks.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	f, limited := fileOf(src)
	if f == nil || w.h.NoFileWrapper {
		return w.copyFrom(src)
	}
	limit := int64(-1)
	if limited != nil {
		limit = max(limited.N, 0)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.sendFile(f, limit)
	if limited != nil {
		limited.N -= n
	}
	return n, err
}

// fileOf finds the regular file in src, and the limit round it. io.CopyN and http.ServeContent send
// files inside an io.LimitedReader.
func fileOf(src io.Reader) (File, *io.LimitedReader) {
	limited, ok := src.(*io.LimitedReader)
	if ok {
		src = limited.R
	}
	// and no other Unwrap: what it wraps may be compressed
	if fw, ok := src.(*util.FileWrapper); ok {
		src = fw.Unwrap()
	}
	f, ok := src.(File)
	if !ok {
		return nil, nil
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, nil
	}
	return f, limited
}

// blocks are what files and streams are copied by where sendfile(2) cannot.
var blocks = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// emptyReads is how many reads in a row may give nothing before a source counts as stuck; bufio's
// number.
const emptyReads = 100

// readSome reads until there is a byte or an error: a reader may return neither, and a broken one
// does so for ever.
func readSome(r io.Reader, p []byte) (int, error) {
	for range emptyReads {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// copyFrom does not hold the lock while it reads: a source that blocks must not keep the exchange
// from ending. An empty source starts the response too, as an empty Write does.
func (w *response) copyFrom(src io.Reader) (int64, error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	return copyBlocks(w, src, nil)
}

// sendFile sends limit bytes of f, all where limit is negative, and never more than the declared
// length leaves room for. What fails on the way breaks the response, also where the App ignores it:
// how far the file got is not for the client to see.
func (w *response) sendFile(f File, limit int64) (int64, error) {
	if _, err := w.admit(0); err != nil {
		return 0, err
	}
	if err := w.commit(false); err != nil {
		return 0, err
	}
	if err := w.push(); err != nil {
		return 0, err
	}
	clipped := false
	if w.declared != unknownLength && (limit < 0 || limit > w.declared-w.written) {
		limit, clipped = w.declared-w.written, true
	}
	n, err := w.transmit(f, limit)
	w.written += n
	switch {
	case PeerGone(err) || errors.Is(err, os.ErrDeadlineExceeded):
		w.keep(err)
	case err != nil: // Stdout's or the file's
		w.broke(err)
	case clipped && more(f):
		err = ErrContentLength
	}
	return n, err
}

// transmit picks the way to Stdout. A response without body moves past the file's bytes without
// reading them.
func (w *response) transmit(f File, limit int64) (int64, error) {
	if w.bodyless {
		return skip(f, limit)
	}
	if w.chunked {
		return SendFile(chunkWriter{w}, f, limit, nil)
	}
	if s, ok := w.h.Stdout.(FileSender); ok {
		return s.SendFile(f, limit)
	}
	return SendFile(w.h.Stdout, f, limit, nil)
}

type chunkWriter struct{ w *response }

func (c chunkWriter) Write(p []byte) (int, error) {
	if err := c.w.emitChunk(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// rest is how much of f lies behind its offset, -1 where it cannot be told.
func rest(f File) int64 {
	s, ok := f.(io.Seeker)
	if !ok {
		return -1
	}
	info, err := f.Stat()
	if err != nil {
		return -1
	}
	at, err := s.Seek(0, io.SeekCurrent)
	if err != nil {
		return -1
	}
	return max(info.Size()-at, 0)
}

// more reports whether something of f lies behind its offset, by reading where it must.
func more(f File) bool {
	n := rest(f)
	if n < 0 {
		got, _ := readSome(f, make([]byte, 1))
		n = int64(got)
	}
	return n > 0
}

// skip moves past limit bytes of f. The size of a file that the system makes up, as in /proc, is 0:
// it has to be read.
func skip(f File, limit int64) (int64, error) {
	n := rest(f)
	if n <= 0 {
		return io.Copy(io.Discard, limitReader(f, limit))
	}
	if limit >= 0 {
		n = min(n, limit)
	}
	_, err := f.(io.Seeker).Seek(n, io.SeekCurrent)
	return n, err
}

func limitReader(r io.Reader, n int64) io.Reader {
	if n < 0 {
		return r
	}
	return io.LimitReader(r, n)
}

// SendFile sends n bytes of f from its current offset to dst, or all to the file's end when n is
// negative, and returns how many were sent, which is also how far the offset moves unless reading
// or writing fails; an end that comes early is no error. On Linux it uses sendfile(2) when dst is a
// syscall.Conn, whatever it is connected to; where the system cannot, and on other systems, it
// copies blocks of 32 KiB.
//
// before, if not nil, is called before each step that may wait for the peer: the place to move a
// write deadline on. Its error ends the sending.
func SendFile(dst io.Writer, f File, n int64, before func() error) (int64, error) {
	sent := int64(0)
	if c, ok := dst.(syscall.Conn); ok && n != 0 {
		done, handled, err := sendFile(c, f, n, before)
		if handled || err != nil {
			return done, err
		}
		sent = done
	}
	if n > 0 {
		n -= sent
	}
	copied, err := copyBlocks(dst, limitReader(f, n), before)
	return sent + copied, err
}

func copyBlocks(dst io.Writer, src io.Reader, before func() error) (n int64, err error) {
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
	for {
		got, readErr := readSome(src, block[:])
		if got > 0 {
			wrote, err := writeBlock(dst, block[:got], before)
			n += int64(wrote)
			if err != nil {
				return n, err
			}
		}
		switch {
		case readErr == io.EOF:
			return n, nil
		case readErr != nil:
			return n, readErr
		}
	}
}

// writeBlock is never called with nothing to write: in some protocols an empty write is the end of
// the stream.
func writeBlock(dst io.Writer, p []byte, before func() error) (int, error) {
	if before != nil {
		if err := before(); err != nil {
			return 0, err
		}
	}
	return writeWhole(dst, p)
}

// writeWhole holds dst to io.Writer's contract: a body with a hole in it must not pass.
func writeWhole(dst io.Writer, p []byte) (int, error) {
	n, err := dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
