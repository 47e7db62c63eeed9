package util

import (
	"io"
	"iter"
)

const (
	defaultBlockSize = 8192 // bytes, as in wsgiref
	maxEmptyReads    = 100  // in a row, before readSome gives up; bufio has the same number
)

// FileWrapper is a body that is read in blocks from a file or any other reader: wsgi.file_wrapper.
// If Unwrap returns a file, a gateway can send it by sendfile(2), so that its bytes are not copied
// through the program.
//
// It must be created by NewFileWrapper and used by one goroutine at a time. Unlike that of wsgiref,
// it always has a Close.
type FileWrapper struct {
	r         io.Reader
	blockSize int
	closed    bool
}

// NewFileWrapper returns a FileWrapper that reads r from its current position to its end. blockSize
// is in bytes; zero and negative mean 8192. The FileWrapper owns r: its Close closes r.
func NewFileWrapper(r io.Reader, blockSize int) *FileWrapper {
	if blockSize <= 0 {
		blockSize = defaultBlockSize
	}
	return &FileWrapper{r: r, blockSize: blockSize}
}

// Read reads from the wrapped reader, regardless of the block size.
func (w *FileWrapper) Read(p []byte) (int, error) { return w.r.Read(p) }

// Close closes the wrapped reader if it is an io.Closer, and does nothing otherwise. Later calls do
// nothing and return nil.
func (w *FileWrapper) Close() error {
	c, ok := w.r.(io.Closer)
	if w.closed || !ok {
		return nil
	}
	w.closed = true
	return c.Close()
}

// Unwrap returns the wrapped reader. Bytes that are read from it cannot be read from w any more.
func (w *FileWrapper) Unwrap() io.Reader { return w.r }

// Blocks ranges over the rest of the wrapped reader in blocks. Each block is the result of one
// Read, from one byte up to the block size, and is valid until the next one. After an error of the
// reader, the last block is nil and comes with that error, which is io.ErrNoProgress if Read
// returned nothing 100 times in a row. The reader is not closed.
func (w *FileWrapper) Blocks() iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		buf := make([]byte, w.blockSize)
		for {
			n, err := readSome(w.r, buf)
			if n > 0 && !yield(buf[:n], nil) {
				return
			}
			if err != nil {
				if err != io.EOF {
					yield(nil, err)
				}
				return
			}
		}
	}
}

// WriteTo writes the rest of the wrapped reader to dst; io.Copy calls it. If dst is an
// io.ReaderFrom, WriteTo passes it the wrapped reader itself, so that a socket can send a file by
// sendfile(2). Otherwise it calls Write once for each block.
func (w *FileWrapper) WriteTo(dst io.Writer) (int64, error) {
	if rf, ok := dst.(io.ReaderFrom); ok {
		return rf.ReadFrom(w.r)
	}
	var written int64
	for block, err := range w.Blocks() {
		if err != nil {
			return written, err
		}
		n, err := dst.Write(block)
		written += int64(n)
		if err != nil {
			return written, err
		}
		if n < len(block) {
			return written, io.ErrShortWrite
		}
	}
	return written, nil
}

// readSome reads until it has a byte or an error. An io.Reader may return neither.
func readSome(r io.Reader, buf []byte) (int, error) {
	for range maxEmptyReads {
		if n, err := r.Read(buf); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
