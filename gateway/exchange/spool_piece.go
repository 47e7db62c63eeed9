package exchange

import (
	"fmt"
	"io"
	"math/bits"
	"os"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// piece is a contiguous part of a Spool, in memory or in its file.
type piece struct {
	memory     []byte // nil if the piece is in the file
	offset     int64  // in the file
	room       int64
	start, end int64 // of the bytes not read yet, within the room
}

// memoryPieces has empty pieces in memory, by their room: 4, 8, 16, 32 and 64 KiB. Without them,
// the garbage collector would take most of the CPU time of a body of 64 KB.
var memoryPieces [5]sync.Pool

// pooledRoom returns the room of the smallest pieces of memoryPieces that have room for want bytes,
// but not more than limit. It returns limit if all of them have more.
func pooledRoom(want, limit int64) int64 {
	room := int64(smallPiece)
	for room < want && room < largePiece {
		room *= 2
	}
	for room > limit && room >= smallPiece {
		room /= 2
	}
	if room < smallPiece {
		return limit
	}
	return room
}

// poolOf returns the pool of the pieces with that room, nil if they are not pooled.
func poolOf(room int64) *sync.Pool {
	if room < smallPiece || room > largePiece || room&(room-1) != 0 {
		return nil
	}
	return &memoryPieces[bits.Len64(uint64(room/smallPiece))-1]
}

// acquireMemory returns an empty piece in memory.
func acquireMemory(room int64) *piece {
	if pool := poolOf(room); pool != nil {
		if p, ok := pool.Get().(*piece); ok {
			return p
		}
	}
	return &piece{memory: make([]byte, room), room: room}
}

// releaseMemory returns a piece in memory to its pool. The caller has no other reference to it.
func releaseMemory(p *piece) {
	if pool := poolOf(p.room); pool != nil {
		p.start, p.end = 0, 0
		pool.Put(p)
	}
}

// newPiece returns an empty piece for want bytes or fewer: in memory if the limits allow it, and
// otherwise in the file.
func (s *Spool) newPiece(want int64) (*piece, error) {
	memory, files := s.Share.available(largePiece)
	memory = pooledRoom(max(want, s.memory), min(memory, s.memoryBound()-s.memory))
	if memory > 0 && s.Share.Reserve(memory, 0) == nil {
		s.memory += memory
		return acquireMemory(memory), nil
	}
	if i := len(s.spare) - 1; i >= 0 {
		p := s.spare[i]
		s.spare = s.spare[:i]
		return p, nil
	}
	files = max(files, 1) // if there is no room, the reservation of one byte returns the reason
	if err := s.Share.Reserve(0, files); err != nil {
		return nil, err
	}
	if err := s.createFile(); err != nil {
		s.Share.Release(0, files)
		return nil, err
	}
	p := &piece{offset: s.extent, room: files}
	s.extent += files
	return p, nil
}

func (s *Spool) createFile() error {
	if s.file != nil {
		return nil
	}
	f, err := util.CreateTempFile(s.dir())
	if err != nil {
		return s.fileError(err)
	}
	s.file = f
	return nil
}

func (s *Spool) dir() string {
	if s.Dir != "" {
		return s.Dir
	}
	return s.Share.dir()
}

// write appends bytes of b, as many as the piece has room for.
func (p *piece) write(file io.WriterAt, b []byte) (n int, err error) {
	b = b[:min(int64(len(b)), p.room-p.end)]
	if p.memory != nil {
		n = copy(p.memory[p.end:], b)
	} else {
		n, err = file.WriteAt(b, p.offset+p.end)
	}
	p.end += int64(n)
	return n, err
}

// read removes bytes from the front. The piece must not be empty.
func (p *piece) read(file io.ReaderAt, b []byte) (n int, err error) {
	b = b[:min(int64(len(b)), p.end-p.start)]
	if p.memory != nil {
		n = copy(b, p.memory[p.start:])
	} else if n, err = file.ReadAt(b, p.offset+p.start); n > 0 {
		err = nil
	}
	p.start += int64(n)
	return n, err
}

// SpoolError reports a temporary file that cannot be created, written or read. It is a failure of
// the server itself. If it ends a request, the client is answered 503.
type SpoolError struct {
	Dir string // the folder of the temporary file
	Err error  // the system's error, in most cases with the file's path
}

// Error returns the folder and the system's error, for a log.
func (e *SpoolError) Error() string {
	return fmt.Sprintf("exchange: temporary file in %.256q: %v", e.Dir, e.Err)
}

// Unwrap returns the system's error, and the [*gateway.ServerError] with the answer to the client.
func (e *SpoolError) Unwrap() []error {
	return []error{e.Err, &gateway.ServerError{Status: 503, Reason: "the server cannot keep the request body", Err: e.Err}}
}

// fileError returns err, an error of the temporary file, as a SpoolError.
func (s *Spool) fileError(err error) error {
	if err == nil {
		return nil
	}
	dir := s.dir()
	if dir == "" {
		dir = os.TempDir()
	}
	return &SpoolError{Dir: dir, Err: err}
}
