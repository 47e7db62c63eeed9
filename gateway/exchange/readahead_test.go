package exchange_test

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// source is the body of a backend in this process.
type source struct {
	io.Reader
	taken  atomic.Int64
	closed atomic.Int64
	onEnd  func() error // called by Close
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	s.taken.Add(int64(n))
	return n, err
}

func (s *source) Close() error {
	s.closed.Add(1)
	if s.onEnd != nil {
		return s.onEnd()
	}
	return nil
}

// slow is longer than aheadDelay.
const slow = time.Second

// TestReadAhead: the backend is read to its end and closed while the caller is away, and the caller
// gets the same bytes and the same end.
func TestReadAhead(t *testing.T) {
	broken := errors.New("broken off")
	for _, end := range []error{io.EOF, broken} {
		synctest.Test(t, func(t *testing.T) {
			b, sent := &exchange.Budget{Dir: t.TempDir()}, pattern(3<<20)
			body := &source{Reader: io.MultiReader(bytes.NewReader(sent), errorReader{end})}
			a := &exchange.ReadAhead{Body: body, Share: b.NewShare()}
			first := make([]byte, 100)
			if n, err := a.Read(first); n != 100 || err != nil {
				t.Fatalf("got %d, %v", n, err)
			}
			time.Sleep(slow)
			synctest.Wait()
			if body.closed.Load() != 1 || body.taken.Load() != int64(len(sent)) {
				t.Errorf("closed %d times after %d bytes, with the caller away; want once after all", body.closed.Load(), body.taken.Load())
			}
			if m, f := b.Used(); m == 0 || f == 0 || m+f < int64(len(sent)-100) {
				t.Errorf("got %d bytes of memory and %d of files reserved for %d", m, f, len(sent))
			}
			rest, err := io.ReadAll(a)
			if got := append(first, rest...); !bytes.Equal(got, sent) || end == io.EOF && err != nil || end != io.EOF && err != end {
				t.Errorf("got %d bytes, %v; want %d and %v", len(got), err, len(sent), end)
			}
			a.Close()
			if body.closed.Load() != 1 {
				t.Errorf("closed %d times; want once", body.closed.Load())
			}
			wantUsed(t, b, 0, 0)
		})
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

// TestReadAheadFast: for a fast caller nothing is buffered, and no goroutine is started.
func TestReadAheadFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &exchange.Budget{MemoryBytes: -1, FileBytes: -1}
		body := &source{Reader: bytes.NewReader(pattern(1 << 20))}
		a := &exchange.ReadAhead{Body: body, Share: b.NewShare()}
		block := make([]byte, 1000)
		for taken := int64(0); ; {
			n, err := a.Read(block)
			if taken += int64(n); body.taken.Load() != taken {
				t.Fatalf("the backend was read to %d with %d given", body.taken.Load(), taken)
			}
			if err == io.EOF {
				break
			}
			time.Sleep(time.Millisecond)
		}
		a.Close()
	})
}

// TestReadAheadEvents: each event is delivered when it arrives, also to a caller that was slow
// before.
func TestReadAheadEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		a := &exchange.ReadAhead{Body: r, Share: new(exchange.Budget).NewShare()}
		defer a.Close()
		block := make([]byte, 1000)
		for i := range 6 {
			go w.Write([]byte{byte(i)})
			start := time.Now()
			if n, err := a.Read(block); n != 1 || block[0] != byte(i) || err != nil || time.Since(start) != 0 {
				t.Errorf("event %d: got %v, %v after %v; want it at once", i, block[:n], err, time.Since(start))
			}
			if i == 2 {
				time.Sleep(slow)
			}
		}
		w.Close()
		if n, err := a.Read(block); n != 0 || err != io.EOF {
			t.Errorf("got %d, %v; want the end", n, err)
		}
	})
}

// TestReadAheadNoRoom: without room only one block of the backend is read, until the caller reads
// some bytes. Room becomes free piece by piece.
func TestReadAheadNoRoom(t *testing.T) {
	const block, piece = 32 << 10, 64 << 10
	for _, test := range []struct {
		name   string
		budget *exchange.Budget
		room   int64
	}{
		{"over its share", &exchange.Budget{MemoryBytes: 4 * 1000, FileBytes: 4 * 100_000}, 101_000},
		{"no files", &exchange.Budget{MemoryBytes: 4 * 100_000, FileBytes: -1}, 100_000},
		{"nothing", &exchange.Budget{MemoryBytes: -1, FileBytes: -1}, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sent := pattern(1 << 20)
				body := &source{Reader: bytes.NewReader(sent)}
				a := &exchange.ReadAhead{Body: body, Share: test.budget.NewShare()}
				got := make([]byte, 1)
				a.Read(got)
				for some := make([]byte, 10_000); ; {
					time.Sleep(slow)
					synctest.Wait()
					if ahead := body.taken.Load() - int64(len(got)); ahead > test.room+block || ahead < test.room-piece && body.closed.Load() == 0 {
						t.Fatalf("read %d bytes ahead; want %d and at most a block", ahead, test.room)
					}
					n, err := a.Read(some)
					if got = append(got, some[:n]...); err == io.EOF {
						break
					}
				}
				if !bytes.Equal(got, sent) {
					t.Errorf("got %d bytes; want the %d sent", len(got), len(sent))
				}
				a.Close()
				wantUsed(t, test.budget, 0, 0)
			})
		})
	}
}

// TestReadAheadNoFile: if no temporary file can be created, the response continues, and Failed is
// called once.
func TestReadAheadNoFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, sent, told := filepath.Join(t.TempDir(), "missing"), pattern(2<<20), atomic.Int64{}
		body := &source{Reader: bytes.NewReader(sent)}
		a := &exchange.ReadAhead{Body: body, Share: (&exchange.Budget{Dir: dir}).NewShare(), Failed: func(err *exchange.SpoolError) {
			told.Add(1)
			if err.Dir != dir {
				t.Errorf("got %v; want the folder", err)
			}
		}}
		first := make([]byte, 10)
		a.Read(first)
		time.Sleep(slow)
		synctest.Wait()
		if n := body.taken.Load(); n < 256<<10 || n > 300<<10 {
			t.Errorf("read %d bytes ahead; want what fits in memory", n)
		}
		rest, err := io.ReadAll(a)
		if got := append(first, rest...); err != nil || !bytes.Equal(got, sent) || told.Load() != 1 {
			t.Errorf("got %d bytes, %v, told %d times; want all, and once", len(got), err, told.Load())
		}
		a.Close()
	})
}

// TestReadAheadClose: Close ends the goroutine in each of its states, closes the backend and
// releases all reservations.
func TestReadAheadClose(t *testing.T) {
	for _, full := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := &exchange.Budget{Dir: t.TempDir(), MemoryBytes: 1 << 20, FileBytes: 4 << 20}
			r, w := io.Pipe()
			a := &exchange.ReadAhead{Body: r, Share: b.NewShare()}
			written := make(chan error)
			go func() {
				n := 1 << 20
				if full {
					n = 100 << 20
				}
				_, err := w.Write(pattern(n)) // the goroutine then waits for more, or for room
				if err == nil {
					_, err = w.Write([]byte("x"))
				}
				written <- err
			}()
			a.Read(make([]byte, 100))
			time.Sleep(slow)
			synctest.Wait()
			if !full {
				io.ReadFull(a, make([]byte, 1<<20+1-100))
			}
			a.Close()
			if err := <-written; full && err != io.ErrClosedPipe {
				t.Errorf("full %t: got %v at the backend; want it to see the break", full, err)
			}
			wantUsed(t, b, 0, 0)
		})
	}
}
