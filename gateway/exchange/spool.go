package exchange

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"os"
	"sync"

	"github.com/cgikit/cgikit/util"
)

// Spool is a queue of bytes: a body that waits for its reader. The first MemoryBytes bytes are kept
// in memory, and the others in a temporary file. Only this process can read the file, and it is
// gone when the process ends. Bytes that were read make room for new ones.
//
// The zero value is ready. A Spool must be closed. The methods are safe for concurrent use; they do
// not wait for bytes or for room. The fields must not change after the first call.
type Spool struct {
	// Share is where the bytes are reserved. If it is nil, only MaxBytes limits them.
	Share *Share

	// MemoryBytes limits the bytes in memory. Zero means 256 KiB, negative means none. If the
	// Budget allows no files, all bytes are kept in memory, unless MemoryBytes is negative.
	MemoryBytes int64

	// MaxBytes limits the bytes in the Spool. Zero means no limit but the Share, negative means
	// none.
	MaxBytes int64

	// Dir is the folder of the temporary file. Empty means that of the Budget, and os.TempDir
	// without a Budget.
	Dir string

	mu     sync.Mutex
	queue  []*piece // only the last piece may have room
	length int64    // bytes written and not read yet
	memory int64    // total room of the pieces in memory
	file   *util.TempFile
	extent int64    // total room of the pieces in the file, with those in spare
	spare  []*piece // pieces of the file that were read and can be used again
	closed bool
}

// defaultSpoolMemory is enough for most pages and forms.
const defaultSpoolMemory = 256 << 10

// The room of a piece, in bytes. A short body must not reserve much memory, and a long one should
// not need many pieces.
const (
	smallPiece = 4 << 10
	largePiece = 64 << 10
)

// Len returns how many bytes are in the Spool.
func (s *Spool) Len() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.length
}

// Capacity returns how many bytes the Spool could hold if other requests used none of the Budget.
func (s *Spool) Capacity() int64 {
	memory, files := s.Share.quota()
	all := files
	if all += min(memory, s.memoryBound()); all < 0 {
		all = math.MaxInt64
	}
	if s.MaxBytes != 0 {
		all = min(all, max(s.MaxBytes, 0))
	}
	return all
}

// memoryBound returns how many bytes may be in memory, apart from the limit of the Share.
func (s *Spool) memoryBound() int64 {
	if _, files := s.Share.quota(); files == 0 && s.MemoryBytes >= 0 {
		return math.MaxInt64
	}
	return max(cmp.Or(s.MemoryBytes, defaultSpoolMemory), 0)
}

// Write appends p. If only the first n bytes fit, it appends those, and the error is [ErrNoRoom] or
// [ErrOverShare], also at MaxBytes; a later Write may find room. The error is a [*SpoolError] if
// the temporary file failed, and os.ErrClosed after Close.
func (s *Spool) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(p) {
		last, err := s.writablePiece(len(p) - n)
		if err != nil {
			return n, err
		}
		k, err := s.appendTo(last, p[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// blockPool has the buffers through which bodies are copied.
var blockPool = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Fill appends the bytes of r up to its end. The error is one of Write, or that of r. rest has the
// bytes that were read from r and did not fit.
func (s *Spool) Fill(r io.Reader) (rest []byte, err error) {
	block := blockPool.Get().(*[32 << 10]byte)
	defer blockPool.Put(block)
	for {
		n, readErr := readSome(r, block[:])
		if k, err := s.Write(block[:n]); err != nil {
			return bytes.Clone(block[k:n]), err
		}
		switch {
		case readErr == io.EOF:
			return nil, nil
		case readErr != nil:
			return nil, readErr
		}
	}
}

// readSome reads until it has a byte or an error. A reader may return neither, and a broken one
// never returns anything else.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// writablePiece returns the last piece of the queue, which has room. It adds one for want bytes if
// necessary.
func (s *Spool) writablePiece(want int) (*piece, error) {
	switch i := len(s.queue) - 1; {
	case s.closed:
		return nil, os.ErrClosed
	case s.MaxBytes != 0 && s.length >= s.MaxBytes:
		return nil, ErrOverShare
	case i >= 0 && s.queue[i].end < s.queue[i].room:
		return s.queue[i], nil
	}
	p, err := s.newPiece(int64(want))
	if err == nil {
		s.queue = append(s.queue, p)
	}
	return p, err
}

// appendTo appends bytes of b to the piece p, as many as it has room for.
func (s *Spool) appendTo(p *piece, b []byte) (int, error) {
	if s.MaxBytes > 0 {
		b = b[:min(int64(len(b)), s.MaxBytes-s.length)]
	}
	n, err := p.write(s.file, b)
	s.length += int64(n)
	return n, s.fileError(err)
}

// Read removes bytes from the front. If the Spool is empty, the error is io.EOF, though a later
// Write may add bytes. It is os.ErrClosed after Close, and a [*SpoolError] if the temporary file
// cannot be read.
func (s *Spool) Read(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return 0, os.ErrClosed
	case len(p) == 0:
		return 0, nil
	case s.length == 0:
		return 0, io.EOF
	}
	first := s.queue[0]
	n, err = first.read(s.file, p)
	s.length -= int64(n)
	if first.start == first.end {
		s.removeFirst()
	}
	return n, s.fileError(err)
}

// removeFirst removes the first piece, which was read. If the Spool is empty, it also removes the
// file.
func (s *Spool) removeFirst() {
	if s.length == 0 {
		s.reset()
		return
	}
	first := s.queue[0]
	s.queue[0] = nil
	s.queue = s.queue[1:]
	if first.memory != nil {
		s.memory -= first.room
		s.Share.Release(first.room, 0)
		releaseMemory(first)
		return
	}
	first.start, first.end = 0, 0
	s.spare = append(s.spare, first)
}

// Close drops all bytes and releases the reservations.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.reset()
	return nil
}

// reset drops all pieces and the file, and releases the reservations.
func (s *Spool) reset() {
	if s.file != nil {
		s.file.Close()
	}
	s.Share.Release(s.memory, s.extent)
	for _, p := range s.queue {
		if p.memory != nil {
			releaseMemory(p)
		}
	}
	clear(s.queue)
	s.queue, s.spare, s.file = s.queue[:0], nil, nil
	s.length, s.memory, s.extent = 0, 0, 0
}
