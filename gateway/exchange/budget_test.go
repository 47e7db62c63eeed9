package exchange_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// wantUsed compares what is reserved in b.
func wantUsed(t *testing.T, b *exchange.Budget, memory, files int64) {
	t.Helper()
	if m, f := b.Used(); m != memory || f != files {
		t.Errorf("got %d bytes of memory and %d of files reserved; want %d and %d", m, f, memory, files)
	}
}

func TestBudgetReserve(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		name          string
		budget        *exchange.Budget
		memory, files int64
		want          error
	}{
		{"all of the memory", &exchange.Budget{MemoryBytes: 100, FileBytes: 1000}, 100, 0, nil},
		{"more memory", &exchange.Budget{MemoryBytes: 100, FileBytes: 1000}, 101, 0, exchange.ErrNoRoom},
		{"all of the files", &exchange.Budget{MemoryBytes: 100, FileBytes: 1000}, 0, 1000, nil},
		{"more files", &exchange.Budget{MemoryBytes: 100, FileBytes: 1000}, 0, 1001, exchange.ErrNoRoom},
		{"both or neither", &exchange.Budget{MemoryBytes: 100, FileBytes: 1000}, 100, 1001, exchange.ErrNoRoom},
		{"the default sizes", new(exchange.Budget), 256 << 20, 4 * gib, nil},
		{"over the default memory", new(exchange.Budget), 256<<20 + 1, 0, exchange.ErrNoRoom},
		{"over the default files", new(exchange.Budget), 0, 4*gib + 1, exchange.ErrNoRoom},
		{"no memory", &exchange.Budget{MemoryBytes: -1}, 1, 0, exchange.ErrNoRoom},
		{"no files", &exchange.Budget{FileBytes: -1}, 0, 1, exchange.ErrNoRoom},
		{"nothing", &exchange.Budget{MemoryBytes: -1, FileBytes: -1}, 0, 0, nil},
		{"no budget", nil, gib, 100 * gib, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := test.budget
			if err := b.Reserve(test.memory, test.files); !errors.Is(err, test.want) {
				t.Fatalf("got %v; want %v", err, test.want)
			}
			if test.want == nil {
				b.Release(test.memory, test.files)
			}
			wantUsed(t, b, 0, 0)
		})
	}
}

// TestShare: one request gets a quarter, and less where the others have left less.
func TestShare(t *testing.T) {
	b := &exchange.Budget{MemoryBytes: 400, FileBytes: 800}
	var shares []*exchange.Share
	for i := range 4 {
		s := b.NewShare()
		shares = append(shares, s)
		for _, over := range [][2]int64{{101, 0}, {0, 201}, {100, 201}} {
			if err := s.Reserve(over[0], over[1]); err != exchange.ErrOverShare {
				t.Errorf("request %d, %v: got %v; want ErrOverShare", i, over, err)
			}
		}
		if err := s.Reserve(60, 150); err != nil {
			t.Error(err)
		}
		if err := s.Reserve(40, 50); err != nil {
			t.Error(err)
		}
		if err := s.Reserve(1, 0); err != exchange.ErrOverShare {
			t.Errorf("request %d: got %v above its quarter; want ErrOverShare", i, err)
		}
	}
	fifth := b.NewShare()
	if err := fifth.Reserve(1, 1); err != exchange.ErrNoRoom {
		t.Errorf("got %v in a full budget; want ErrNoRoom", err)
	}
	wantUsed(t, b, 400, 800)
	shares[0].Release(100, 200)
	if err := fifth.Reserve(100, 200); err != nil {
		t.Errorf("got %v where another has released its quarter", err)
	}
	if err := (*exchange.Share)(nil).Reserve(1<<40, 1<<40); err != nil {
		t.Errorf("got %v of no share", err)
	}
}

// TestBudgetConcurrently: what is reserved at the same time never passes the bound, and all of it
// comes back.
func TestBudgetConcurrently(t *testing.T) {
	b := &exchange.Budget{MemoryBytes: 1000, FileBytes: 1000}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			s := b.NewShare()
			for range 1000 {
				if s.Reserve(130, 70) == nil {
					if m, f := b.Used(); m > 1000 || f > 1000 {
						t.Errorf("got %d and %d bytes reserved of 1000", m, f)
					}
					s.Release(130, 70)
				}
			}
		})
	}
	wait.Wait()
	wantUsed(t, b, 0, 0)
}
