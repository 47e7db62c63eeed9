package gateway

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// gate is a Stdout that stops at its first Write until told to go on.
type gate struct {
	strings.Builder
	entered, leave chan struct{}
	once           sync.Once
}

func newGate() *gate { return &gate{entered: make(chan struct{}), leave: make(chan struct{})} }

func (g *gate) Write(p []byte) (int, error) {
	n, err := g.Builder.Write(p)
	g.once.Do(func() { close(g.entered); <-g.leave })
	return n, err
}

// TestStrayGoroutineDuringTheErrorPage: a goroutine that outlives a failed App must not commit the
// App's own head beside the error page's.
func TestStrayGoroutineDuringTheErrorPage(t *testing.T) {
	out := newGate()
	var w ResponseWriter
	var strayErr error
	go func() {
		<-out.entered // by the error page
		strayErr = w.Flush()
		close(out.leave)
	}()
	got := runHandler(&BaseCGIHandler{Stdout: out}, func(aw ResponseWriter, r *Request) error {
		w = aw
		return errors.New("oops")
	})
	if got.err != nil || out.String() != errorPage500 || strayErr != ErrFinished {
		t.Errorf("got %q, %v, stray %v; want only the error page", out.String(), got.err, strayErr)
	}
}

// TestStrayGoroutineCommits: a head that a goroutine sends while the App returns its error is seen,
// and nothing follows it.
func TestStrayGoroutineCommits(t *testing.T) {
	out := newGate()
	got := runHandler(&BaseCGIHandler{Stdout: out}, func(w ResponseWriter, r *Request) error {
		go w.Flush()
		<-out.entered
		go close(out.leave)
		return errors.New("oops")
	})
	if !errors.Is(got.err, ErrBroken) || out.String() != "Status: 200 OK\r\n\r\n" {
		t.Errorf("got %q, %v; want one head and ErrBroken", out.String(), got.err)
	}
}

// TestStrayGoroutineBehindTheEnd: bytes that a goroutine writes after its response is complete are
// dropped, in each state of a response.
func TestStrayGoroutineBehindTheEnd(t *testing.T) {
	for range 100 {
		h := &BaseCGIHandler{OriginServer: true, Environ: environ("SERVER_PROTOCOL", "HTTP/1.1")}
		var stray sync.WaitGroup
		got := runHandler(h, func(w ResponseWriter, r *Request) error {
			stray.Go(func() {
				for w.Flush() == nil {
					if _, err := w.Write([]byte("x")); err != nil {
						return
					}
				}
			})
			return nil
		})
		stray.Wait()
		chunked := strings.Contains(got.out, "chunked")
		if got.err != nil || chunked && !strings.HasSuffix(got.out, "0\r\n\r\n") || !chunked && !strings.HasSuffix(got.out, "close\r\n\r\n") {
			t.Fatalf("got %q, %v; want nothing behind the end", got.out, got.err)
		}
	}
}

// TestNothingBehindFinish does the same between the last byte and the end of Run.
func TestNothingBehindFinish(t *testing.T) {
	var out strings.Builder
	w := &response{}
	w.prepare(&BaseCGIHandler{Stdout: &out}, environ())
	if err := w.finish(); err != nil {
		t.Fatal(err)
	}
	want := out.String()
	if _, err := w.Write(make([]byte, 2*headBuffer)); err != ErrFinished || out.String() != want {
		t.Errorf("got %v, %q; want ErrFinished and nothing more than %q", err, out.String(), want)
	}
}
