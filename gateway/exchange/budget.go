package exchange

import (
	"cmp"
	"errors"
	"math"
	"sync"
)

// Budget bounds what all requests of a server together keep in memory and in temporary files while
// they wait: for a client, for a backend, for an App. One request may use a quarter of it: its
// [Share].
//
// The zero value has the default sizes. A nil *Budget bounds nothing and counts nothing. The
// methods may be called at the same time; the fields must not change once one was called, and a
// Budget must not be copied after that.
type Budget struct {
	// MemoryBytes bounds the memory, in bytes. Zero is 256 MiB, negative is none at all.
	MemoryBytes int64

	// FileBytes bounds the temporary files, in bytes. Zero is 4 GiB. Negative is none at all: then
	// all has to fit in memory.
	FileBytes int64

	// Dir is the folder of the temporary files. Empty is os.TempDir.
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

// What a reservation fails with.
var (
	// ErrNoRoom says that the other requests have used up the Budget. There may be room later.
	ErrNoRoom = errors.New("exchange: the budget for waiting bytes is used up")

	// ErrOverShare says that the request would hold more than one may.
	ErrOverShare = errors.New("exchange: a request may hold no more waiting bytes")
)

// Reserve takes memory and file bytes out of the budget. It takes both or, with [ErrNoRoom],
// neither. Neither number may be negative. What is reserved must be released.
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

// NewShare returns what one request may use of b. Of a nil Budget it is nil, which bounds nothing
// either.
func (b *Budget) NewShare() *Share {
	if b == nil {
		return nil
	}
	return &Share{budget: b}
}

func (b *Budget) memoryBound() int64 { return max(cmp.Or(b.MemoryBytes, defaultMemory), 0) }
func (b *Budget) fileBound() int64   { return max(cmp.Or(b.FileBytes, defaultFiles), 0) }

// Share is what one request uses of a [Budget]: at most a quarter of its memory and a quarter of
// its files. All that is kept for the request counts, such as its body and its answer. The methods
// may be called at the same time. A nil *Share bounds nothing.
type Share struct {
	budget        *Budget
	memory, files int64 // reserved; the budget's mutex guards them
}

// Reserve takes memory and file bytes out of the share and the Budget. It takes both or neither:
// the error is [ErrOverShare] where the share is too small, and else [ErrNoRoom]. Neither number
// may be negative. What is reserved must be released.
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

// left returns how many bytes could be reserved at this moment, at most limit of either kind.
func (s *Share) left(limit int64) (memory, files int64) {
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

// bounds returns how much of either kind the request may use, if others use nothing.
func (s *Share) bounds() (memory, files int64) {
	if s == nil {
		return math.MaxInt64, math.MaxInt64
	}
	return s.budget.memoryBound() / shares, s.budget.fileBound() / shares
}

// dir is the folder of the temporary files.
func (s *Share) dir() string {
	if s == nil {
		return ""
	}
	return s.budget.Dir
}
