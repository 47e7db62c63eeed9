package exchange_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// pattern returns n bytes in which no block equals the next one.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i>>16) ^ byte(i>>8) ^ byte(i)
	}
	return b
}

// TestSpool: at every size around a bound the bytes come out as they went in, and no file is left.
func TestSpool(t *testing.T) {
	const kib = 1 << 10
	for _, memory := range []int64{-1, 1, 100, 5000, 0} {
		for _, size := range []int{0, 1, 99, 100, 101, 4999, 5000, 5001, 64 * kib, 256 * kib, 256*kib + 1, 700 * kib} {
			for _, shared := range []bool{false, true} {
				t.Run(fmt.Sprintf("%d in memory, %d bytes, shared %t", memory, size, shared), func(t *testing.T) {
					dir, b, sent := t.TempDir(), new(exchange.Budget), pattern(size)
					s := &exchange.Spool{MemoryBytes: memory, Dir: dir}
					if shared {
						s.Share = b.NewShare()
					}
					if rest, err := s.Fill(iotest.HalfReader(bytes.NewReader(sent))); err != nil || len(rest) > 0 {
						t.Fatalf("got %d bytes left, %v", len(rest), err)
					}
					if s.Len() != int64(size) {
						t.Errorf("got length %d; want %d", s.Len(), size)
					}
					got, err := io.ReadAll(s)
					if err != nil || !bytes.Equal(got, sent) {
						t.Errorf("got %d bytes, %v", len(got), err)
					}
					wantUsed(t, b, 0, 0)
					if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
						t.Errorf("got %v, %v; want an empty folder", left, err)
					}
					s.Close()
				})
			}
		}
	}
}

// TestSpoolQueue: alternate reads and writes keep the order, use the room in the file again, and
// stay within the limits.
func TestSpoolQueue(t *testing.T) {
	b := &exchange.Budget{MemoryBytes: 4 * 10_000, FileBytes: 4 * 300_000, Dir: t.TempDir()}
	s := &exchange.Spool{Share: b.NewShare()}
	random := rand.New(rand.NewPCG(1, 2))
	sent, got := pattern(5_000_000), []byte(nil)
	block := make([]byte, 100_000)
	for at := 0; at < len(sent); {
		n, err := s.Write(sent[at:min(at+random.IntN(100_000), len(sent))])
		if err != nil && err != exchange.ErrOverShare {
			t.Fatal(err)
		}
		at += n
		for range random.IntN(4) {
			n, err := s.Read(block[:random.IntN(len(block))])
			if err != nil && err != io.EOF {
				t.Fatal(err)
			}
			got = append(got, block[:n]...)
		}
		if m, f := b.Used(); m > 10_000 || f > 300_000 {
			t.Fatalf("got %d bytes of memory and %d of files reserved", m, f)
		}
	}
	rest, err := io.ReadAll(s)
	if got = append(got, rest...); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes, %v; want the %d in their order", len(got), err, len(sent))
	}
	wantUsed(t, b, 0, 0)
	s.Close()
}

// TestSpoolBounds: each limit is exact to the byte, and its error names it.
func TestSpoolBounds(t *testing.T) {
	const mib = 1 << 20
	for _, test := range []struct {
		name     string
		memory   int64 // Spool.MemoryBytes
		most     int64 // Spool.MaxBytes
		budget   *exchange.Budget
		others   [2]int64 // reserved by other requests
		capacity int64
		holds    int
		want     error
	}{
		{name: "a quarter of both", budget: &exchange.Budget{MemoryBytes: 4000, FileBytes: 40_000}, capacity: 11_000, holds: 11_000, want: exchange.ErrOverShare},
		{name: "some of the quarter of memory", memory: 10, budget: &exchange.Budget{MemoryBytes: 4000, FileBytes: 40_000}, capacity: 10_010, holds: 10_010, want: exchange.ErrOverShare},
		{name: "no files", budget: &exchange.Budget{MemoryBytes: 8 * mib, FileBytes: -1}, capacity: 2 * mib, holds: 2 * mib, want: exchange.ErrOverShare},
		{name: "no memory", budget: &exchange.Budget{MemoryBytes: -1, FileBytes: 8 * mib}, capacity: 2 * mib, holds: 2 * mib, want: exchange.ErrOverShare},
		{name: "nothing", budget: &exchange.Budget{MemoryBytes: -1, FileBytes: -1}, want: exchange.ErrOverShare},
		{name: "others", budget: &exchange.Budget{MemoryBytes: 4000, FileBytes: 40_000}, others: [2]int64{3900, 35_000}, capacity: 11_000, holds: 5100, want: exchange.ErrNoRoom},
		{name: "others have all", budget: &exchange.Budget{MemoryBytes: 4000, FileBytes: 40_000}, others: [2]int64{4000, 40_000}, capacity: 11_000, want: exchange.ErrNoRoom},
		{name: "MaxBytes", most: 500_001, capacity: 500_001, holds: 500_001, want: exchange.ErrOverShare},
		{name: "MaxBytes below a share", most: 1001, budget: new(exchange.Budget), capacity: 1001, holds: 1001, want: exchange.ErrOverShare},
		{name: "MaxBytes negative", most: -1, want: exchange.ErrOverShare},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := test.budget.Reserve(test.others[0], test.others[1]); err != nil {
				t.Fatal(err)
			}
			s := &exchange.Spool{Share: test.budget.NewShare(), MemoryBytes: test.memory, MaxBytes: test.most, Dir: t.TempDir()}
			defer s.Close()
			if s.Capacity() != test.capacity {
				t.Errorf("got capacity %d; want %d", s.Capacity(), test.capacity)
			}
			sent := pattern(test.holds + 50_000)
			rest, err := s.Fill(bytes.NewReader(sent))
			if err != test.want || s.Len() != int64(test.holds) {
				t.Fatalf("holds %d, %v; want %d, %v", s.Len(), err, test.holds, test.want)
			}
			if n, err := s.Write([]byte("x")); n != 0 || err != test.want {
				t.Errorf("one more: got %d, %v", n, err)
			}
			got, err := io.ReadAll(s)
			if read := append(got, rest...); err != nil || !bytes.Equal(read, sent[:len(read)]) || len(rest) == 0 {
				t.Errorf("got %d bytes and %d that did not fit, %v; want the first of those sent", len(got), len(rest), err)
			}
			if n, err := s.Write([]byte("x")); test.holds > 0 && (n != 1 || err != nil) {
				t.Errorf("after reading: got %d, %v; want room again", n, err)
			}
			s.Close()
			wantUsed(t, test.budget, test.others[0], test.others[1])
		})
	}
}

// TestSpoolMemoryAgain: when the Spool was emptied, new bytes are kept in memory again, and the
// file is gone.
func TestSpoolMemoryAgain(t *testing.T) {
	b := &exchange.Budget{Dir: t.TempDir()}
	s := &exchange.Spool{Share: b.NewShare(), MemoryBytes: 10_000}
	defer s.Close()
	for range 2 {
		if _, err := s.Write(pattern(200_000)); err != nil {
			t.Fatal(err)
		}
		if m, f := b.Used(); m != 10_000 || f < 190_000 {
			t.Errorf("got %d bytes of memory and %d of files; want 10,000 and the others", m, f)
		}
		if n, err := io.Copy(io.Discard, s); n != 200_000 || err != nil {
			t.Errorf("got %d bytes, %v", n, err)
		}
		wantUsed(t, b, 0, 0)
	}
}

// TestSpoolClosed: a reader that comes after Close gets an error, and nothing is reserved again.
func TestSpoolClosed(t *testing.T) {
	b := &exchange.Budget{Dir: t.TempDir()}
	s := &exchange.Spool{Share: b.NewShare(), MemoryBytes: -1}
	s.Write(pattern(1000))
	s.Close()
	s.Close()
	if n, err := s.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Read: got %d, %v; want os.ErrClosed", n, err)
	}
	if n, err := s.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write: got %d, %v; want os.ErrClosed", n, err)
	}
	wantUsed(t, b, 0, 0)
}

// TestSpoolNoFile: if no file can be created, the error names the folder and means 503, and bytes
// that fit in memory are kept.
func TestSpoolNoFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	b := &exchange.Budget{Dir: dir}
	s := &exchange.Spool{Share: b.NewShare(), MemoryBytes: 1000}
	defer s.Close()
	n, err := s.Write(pattern(2000))
	broken := (*exchange.SpoolError)(nil)
	if n != 1000 || !errors.As(err, &broken) || broken.Dir != dir || !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %d, %v; want 1000 and a SpoolError that names the folder", n, err)
	}
	if status, _ := gateway.ErrorPage(err); status != "503 Service Unavailable" {
		t.Errorf("got %q; want 503", status)
	}
	wantUsed(t, b, 1000, 0)
}

// TestSpoolReadFails: a failure of the temporary file differs from a failure of the client's
// stream.
func TestSpoolReadFails(t *testing.T) {
	s := &exchange.Spool{}
	defer s.Close()
	broken := errors.New("broken")
	rest, err := s.Fill(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)))
	if err != broken || len(rest) != 0 || s.Len() != 3 {
		t.Errorf("got %d bytes, %v; want 3 and the reader's error", s.Len(), err)
	}
	if _, err := s.Fill(stuck{}); err != io.ErrNoProgress {
		t.Errorf("got %v of a reader that gives nothing; want io.ErrNoProgress", err)
	}
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }
