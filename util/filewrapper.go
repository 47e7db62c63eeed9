package util

import (
	"io"
	"iter"
)

const (
	defaultBlockSize = 8192 // bytes, wsgiref's
	maxEmptyReads    = 100  // in a row, before a reader counts as stuck; bufio's number
)

// FileWrapper is a body read in blocks from a file or any other reader, wsgi.file_wrapper. A
// gateway that sends one looks through Unwrap for a file and has the system send it where it can,
// without its bytes passing through the program.
//
// It must be made by NewFileWrapper and used by one goroutine at a time. Unlike wsgiref's it always
// has a Close.
type FileWrapper struct {
	r         io.Reader
	blockSize int
	closed    bool
}

// NewFileWrapper returns a FileWrapper of r, which is read from where it stands to its end.
// blockSize is in bytes; 8192 is taken for zero and less. The FileWrapper owns r: its Close closes
// it.
func NewFileWrapper(r io.Reader, blockSize int) *FileWrapper {
	if blockSize <= 0 {
		blockSize = defaultBlockSize
	}
	return &FileWrapper{r: r, blockSize: blockSize}
}

// Read reads from the wrapped reader; the block size does not matter to it.
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

// Unwrap returns the wrapped reader. What is read from it is missing from w.
func (w *FileWrapper) Unwrap() io.Reader { return w.r }

// Blocks ranges over the rest of the wrapped reader in blocks, each what one call of its Read gave:
// from one byte up to the block size. A block is valid until the next one. At the end the loop
// ends; an error comes last, with a nil block, and is the reader's own, or io.ErrNoProgress where
// it returned nothing 100 times in a row. The reader is not closed.
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

// WriteTo writes the rest of the wrapped reader to dst, for io.Copy. If dst is an io.ReaderFrom it
// is given the wrapped reader itself, and so the file that a socket can send by sendfile; else it
// gets one Write for each block.
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

// readSome reads until there is a byte or an error: an io.Reader may return neither.
func readSome(r io.Reader, buf []byte) (int, error) {
	for range maxEmptyReads {
		if n, err := r.Read(buf); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}
