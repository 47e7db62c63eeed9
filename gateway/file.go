package gateway

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/cgikit/cgikit/util"
)

// File is a source that sendfile(2) may read: *os.File, or the wrapper that io.Copy passes in its
// place.
type File interface {
	io.Reader
	syscall.Conn
	Stat() (os.FileInfo, error)
}

// ReadFrom implements io.ReaderFrom. For a regular file, also inside an io.LimitedReader or a
// FileWrapper, it commits the head and uses sendfile(2) where the system supports it. Any other
// source is copied in blocks of 32 KiB, without a flush between blocks, as io.Copy does.
func (w *response) ReadFrom(src io.Reader) (int64, error) {
	f, limited := fileOf(src)
	if f == nil || w.copiesFiles {
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

// fileOf returns the regular file in src, and the io.LimitedReader around it, if any. io.CopyN and
// http.ServeContent send files inside an io.LimitedReader.
func fileOf(src io.Reader) (File, *io.LimitedReader) {
	limited, ok := src.(*io.LimitedReader)
	if ok {
		src = limited.R
	}
	// no other Unwrap is called: its wrapper may compress the file
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

// blockPool has the buffers through which files and streams are copied without sendfile(2).
var blockPool = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// emptyReads is how many empty reads in a row make readSome give up. bufio has the same number.
const emptyReads = 100

// readSome reads until it has a byte or an error. A reader may return neither, and a broken one
// never returns anything else.
func readSome(r io.Reader, p []byte) (int, error) {
	for range emptyReads {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// copyFrom does not hold the lock while it reads, so that a source that blocks does not keep the
// exchange from ending. Even an empty source starts the response, as an empty Write does.
func (w *response) copyFrom(src io.Reader) (int64, error) {
	if _, err := w.Write(nil); err != nil {
		return 0, err
	}
	return copyBlocks(w, src, nil)
}

// sendFile sends limit bytes of f, or all of f if limit is negative, but never more than the
// declared length allows. Any failure breaks the response, even if the App ignores the error, since
// the client must not take a part of the file for all of it.
func (w *response) sendFile(f File, limit int64) (int64, error) {
	if _, err := w.startBody(0); err != nil {
		return 0, err
	}
	if err := w.commit(false); err != nil {
		return 0, err
	}
	if err := w.flushBuffer(); err != nil {
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
		w.recordLoss(err)
	case err != nil: // of Stdout or of the file
		w.recordFault(err)
	case clipped && hasMore(f):
		err = ErrContentLength
	}
	return n, err
}

// transmit sends the file by the best method that Stdout has. For a response without a body it only
// moves the file's offset.
func (w *response) transmit(f File, limit int64) (int64, error) {
	if w.bodyless {
		return skipBytes(f, limit)
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
	if err := c.w.sendChunks(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// remainingBytes returns the number of bytes after the offset of f, -1 if it is not known.
func remainingBytes(f File) int64 {
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

// hasMore reports whether f has bytes after its offset. It reads one if the size is not known.
func hasMore(f File) bool {
	n := remainingBytes(f)
	if n < 0 {
		got, _ := readSome(f, make([]byte, 1))
		n = int64(got)
	}
	return n > 0
}

// skipBytes moves the offset of f by limit bytes. It reads a file of size 0, because files in /proc
// have that size and content too.
func skipBytes(f File, limit int64) (int64, error) {
	n := remainingBytes(f)
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

// SendFile sends n bytes of f from its current offset to dst, or all bytes up to the file's end if
// n is negative. It returns how many bytes it sent; unless reading or writing fails, the offset
// moves by the same number. A file that ends early is not an error. On Linux SendFile uses
// sendfile(2) if dst is a syscall.Conn of any kind. On other systems, or if sendfile(2) does not
// support the two files, it copies blocks of 32 KiB.
//
// before, if not nil, is called before each step that may wait for the peer, for example to extend
// a write deadline. If it returns an error, SendFile returns that error.
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
	block := blockPool.Get().(*[32 << 10]byte)
	defer blockPool.Put(block)
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

// writeBlock calls before and writes p. p is never empty, because in some protocols an empty write
// ends the stream.
func writeBlock(dst io.Writer, p []byte, before func() error) (int, error) {
	if before != nil {
		if err := before(); err != nil {
			return 0, err
		}
	}
	return writeWhole(dst, p)
}

// writeWhole writes p and returns io.ErrShortWrite if dst breaks the contract of io.Writer by
// writing less, so that no bytes are lost unnoticed.
func writeWhole(dst io.Writer, p []byte) (int, error) {
	n, err := dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	return n, err
}
