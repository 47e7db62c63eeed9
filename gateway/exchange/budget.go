package exchange

import (
	"cmp"
	"errors"
	"math"
	"sync"
)

// Budget limits the memory and the temporary files that all requests of a server together use for
// bytes that wait for a client, a backend or an App. Each request may use a quarter of it: its
// [Share].
//
// The zero value has the default sizes. A nil *Budget has no limits and counts nothing. The methods
// are safe for concurrent use. After the first call the fields must not change, and the Budget must
// not be copied.
type Budget struct {
	// MemoryBytes limits the memory, in bytes. Zero means 256 MiB, negative means no memory.
	MemoryBytes int64

	// FileBytes limits the temporary files, in bytes. Zero means 4 GiB. Negative means no files:
	// then all bytes must fit in memory.
	FileBytes int64

	// Dir is the folder of the temporary files. Empty means os.TempDir.
	Dir string

	mu            sync.Mutex
	memory, files int64 // reserved
}

const (
	defaultMemory = 256 << 20
	defaultFiles  = 4 << 30

	// shares is how many requests can fill a Budget.
	shares = 4
)

// The errors of a reservation.
var (
	// ErrNoRoom means that other requests use the rest of the Budget. A later reservation may
	// succeed.
	ErrNoRoom = errors.New("exchange: the budget for buffered bytes is used up")

	// ErrOverShare means that the request would use more than its Share.
	ErrOverShare = errors.New("exchange: the request has reached its share of the budget for buffered bytes")
)

// Reserve reserves memory and file bytes of the Budget. It reserves both or, with the error
// [ErrNoRoom], neither. Neither number may be negative. Each reservation must be released.
func (b *Budget) Reserve(memory, files int64) error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.reserve(memory, files)
}

func (b *Budget) reserve(memory, files int64) error {
	if memory > b.memoryBound()-b.memory || files > b.fileBound()-b.files {
		return ErrNoRoom
	}
	b.memory += memory
	b.files += files
	return nil
}

// Release gives back what was reserved.
func (b *Budget) Release(memory, files int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.memory -= memory
	b.files -= files
}

// Used returns how many bytes are reserved at this moment.
func (b *Budget) Used() (memory, files int64) {
	if b == nil {
		return 0, 0
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.memory, b.files
}

// NewShare returns the Share of one request. The Share of a nil Budget is nil, which has no limits
// either.
func (b *Budget) NewShare() *Share {
	if b == nil {
		return nil
	}
	return &Share{budget: b}
}

func (b *Budget) memoryBound() int64 { return max(cmp.Or(b.MemoryBytes, defaultMemory), 0) }
func (b *Budget) fileBound() int64   { return max(cmp.Or(b.FileBytes, defaultFiles), 0) }

// Share is the part of a [Budget] that one request uses: at most a quarter of its memory and a
// quarter of its files. All bytes kept for the request count, such as its body and its response.
// The methods are safe for concurrent use. A nil *Share has no limits.
type Share struct {
	budget        *Budget
	memory, files int64 // reserved; the budget's mutex guards them
}

// Reserve reserves memory and file bytes of the Share and the Budget, or neither. The error is
// [ErrOverShare] if the Share is too small, and otherwise [ErrNoRoom]. Neither number may be
// negative. Each reservation must be released.
func (s *Share) Reserve(memory, files int64) error {
	if s == nil {
		return nil
	}
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	return s.reserve(memory, files)
}

func (s *Share) reserve(memory, files int64) error {
	b := s.budget
	if memory > b.memoryBound()/shares-s.memory || files > b.fileBound()/shares-s.files {
		return ErrOverShare
	}
	if err := b.reserve(memory, files); err != nil {
		return err
	}
	s.memory += memory
	s.files += files
	return nil
}

// Release gives back what was reserved.
func (s *Share) Release(memory, files int64) {
	if s == nil {
		return
	}
	s.budget.mu.Lock()
	defer s.budget.mu.Unlock()
	s.memory -= memory
	s.files -= files
	s.budget.memory -= memory
	s.budget.files -= files
}

// available returns how many bytes of memory and of files could be reserved now, each at most
// limit.
func (s *Share) available(limit int64) (memory, files int64) {
	if s == nil {
		return limit, limit
	}
	b := s.budget
	b.mu.Lock()
	defer b.mu.Unlock()
	memory = min(b.memoryBound()/shares-s.memory, b.memoryBound()-b.memory, limit)
	files = min(b.fileBound()/shares-s.files, b.fileBound()-b.files, limit)
	return max(memory, 0), max(files, 0)
}

// quota returns how many bytes of memory and of files the request may use if other requests use
// none.
func (s *Share) quota() (memory, files int64) {
	if s == nil {
		return math.MaxInt64, math.MaxInt64
	}
	return s.budget.memoryBound() / shares, s.budget.fileBound() / shares
}

// dir returns the folder of the temporary files.
func (s *Share) dir() string {
	if s == nil {
		return ""
	}
	return s.budget.Dir
}
