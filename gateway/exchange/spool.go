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

// Spool is a queue of bytes: a body that waits for its reader. The bytes wait in memory, and those
// beyond MemoryBytes in a temporary file, which only this process can read and which is gone when
// the process is. What was read makes room for what comes.
//
// The zero value is ready. It must be closed. The methods may be called at the same time, and wait
// for one another, never for bytes or room; the fields must not change once one was called.
type Spool struct {
	// Share is where the bytes are reserved. Nil is without a bound but MaxBytes.
	Share *Share

	// MemoryBytes bounds what waits in memory, in bytes. Zero is 256 KiB, negative is nothing.
	// Where the Budget allows no files, all waits in memory, unless this is negative.
	MemoryBytes int64

	// MaxBytes bounds what waits, in bytes. Zero is no bound but the Share, negative is nothing.
	MaxBytes int64

	// Dir is the folder of the temporary file. Empty is that of the Budget, and without one
	// os.TempDir.
	Dir string

	mu     sync.Mutex
	queue  []*piece // has a piece with room only at its end
	length int64    // bytes that wait
	memory int64    // room of the pieces in memory
	file   *util.TempFile
	extent int64    // room of the pieces in the file, those in spare counted
	spare  []*piece // pieces of the file that were read
	closed bool
}

// defaultSpoolMemory is enough for pages and for the forms of browsers.
const defaultSpoolMemory = 256 << 10

// The room of a piece, in bytes. A short body must not reserve much memory, and a long one should
// not need many calls.
const (
	smallPiece = 4 << 10
	largePiece = 64 << 10
)

// Len returns how many bytes wait.
func (s *Spool) Len() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.length
}

// Capacity returns how many bytes could wait, if other requests held nothing.
func (s *Spool) Capacity() int64 {
	memory, files := s.Share.bounds()
	all := files
	if all += min(memory, s.memoryBound()); all < 0 {
		all = math.MaxInt64
	}
	if s.MaxBytes != 0 {
		all = min(all, max(s.MaxBytes, 0))
	}
	return all
}

// memoryBound is how much may be in memory, the Share aside.
func (s *Spool) memoryBound() int64 {
	if _, files := s.Share.bounds(); files == 0 && s.MemoryBytes >= 0 {
		return math.MaxInt64
	}
	return max(cmp.Or(s.MemoryBytes, defaultSpoolMemory), 0)
}

// Write appends p. Where it takes less than all, the error is [ErrOverShare], also for MaxBytes, or
// [ErrNoRoom], and what it took waits; a later Write may find room. A [*SpoolError] says that the
// temporary file failed, and os.ErrClosed comes after Close.
func (s *Spool) Write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n < len(p) {
		last, err := s.last(len(p) - n)
		if err != nil {
			return n, err
		}
		k, err := s.fill(last, p[n:])
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// blocks are what bodies are copied by.
var blocks = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// Fill appends all that r has, to its end. Its error is one of Write, or that of r. rest has the
// bytes that were read from r and did not fit.
func (s *Spool) Fill(r io.Reader) (rest []byte, err error) {
	block := blocks.Get().(*[32 << 10]byte)
	defer blocks.Put(block)
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

// readSome reads until there is a byte or an error: a reader may return neither, and a broken one
// does so for ever.
func readSome(r io.Reader, p []byte) (int, error) {
	for range 100 {
		if n, err := r.Read(p); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.ErrNoProgress
}

// last returns a piece with room at the end of the queue.
func (s *Spool) last(want int) (*piece, error) {
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

// fill appends to the piece p what it has room for.
func (s *Spool) fill(p *piece, b []byte) (int, error) {
	if s.MaxBytes > 0 {
		b = b[:min(int64(len(b)), s.MaxBytes-s.length)]
	}
	n, err := p.write(s.file, b)
	s.length += int64(n)
	return n, s.fileError(err)
}

// Read takes bytes from the front. Where none wait the error is io.EOF, though more may come; after
// Close it is os.ErrClosed. A [*SpoolError] says that the temporary file could not be read.
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

// removeFirst drops the first piece, which was read, and the file where nothing waits any more.
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
		return
	}
	first.start, first.end = 0, 0
	s.spare = append(s.spare, first)
}

// Close drops what waits and gives back the reservations.
func (s *Spool) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.reset()
	return nil
}

// reset drops all pieces and the file.
func (s *Spool) reset() {
	if s.file != nil {
		s.file.Close()
	}
	s.Share.Release(s.memory, s.extent)
	s.queue, s.spare, s.file = nil, nil, nil
	s.length, s.memory, s.extent = 0, 0, 0
}
