package host_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/util"
)

// buffered returns a Handler without a log that buffers within b.
func buffered(backend gateway.Backend, b *exchange.Budget) *host.Handler {
	h := handler(backend)
	h.Buffer, h.Budget = true, b
	return h
}

// askWith makes h answer a request. A negative length means a body of unknown length. It returns
// what was written to out, or to a buffer if out is nil.
func askWith(t testing.TB, h *host.Handler, body io.Reader, length int64, out io.Writer) (string, error) {
	t.Helper()
	e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "POST", "PATH_INFO": "/x", "REQUEST_URI": "/x"})
	if length >= 0 {
		e.Set("CONTENT_LENGTH", fmt.Sprint(length))
	}
	var all bytes.Buffer
	if out == nil {
		out = &all
	}
	run := gateway.BaseCGIHandler{Environ: e, Stdin: body, StdinStream: true, Stdout: out, Stderr: io.Discard}
	err := run.Run(t.Context(), h)
	return all.String(), err
}

// wantFree fails if something is reserved in b.
func wantFree(t *testing.T, b *exchange.Budget) {
	t.Helper()
	if memory, files := b.Used(); memory != 0 || files != 0 {
		t.Errorf("got %d bytes of memory and %d of files still reserved", memory, files)
	}
}

// TestBufferCompletesBody: the backend gets the request when the last byte of the body has arrived,
// whatever its length and wherever it is buffered.
func TestBufferCompletesBody(t *testing.T) {
	for _, size := range []int{1, 1000, 300_000, 2_000_000} {
		for _, known := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				budget, b := &exchange.Budget{Dir: t.TempDir()}, &recorder{}
				r, w := io.Pipe()
				sent, length := strings.Repeat("0123456789", size/10+1)[:size], int64(-1)
				if known {
					length = int64(size)
				}
				done := make(chan string)
				go func() {
					out, err := askWith(t, buffered(b, budget), r, length, nil)
					if err != nil {
						t.Error(err)
					}
					done <- out
				}()
				io.WriteString(w, sent[:size-1])
				synctest.Wait()
				if memory, files := budget.Used(); b.calls > 0 || memory+files < int64(size-1) {
					t.Errorf("%d bytes, known %t: %d calls and %d bytes reserved before the last byte", size, known, b.calls, memory+files)
				}
				io.WriteString(w, sent[size-1:])
				w.Close()
				if out := <-done; !strings.HasSuffix(out, "\r\n\r\nok") || b.body != sent {
					t.Errorf("%d bytes, known %t: got %q, and %d bytes at the backend", size, known, out, len(b.body))
				}
				b.want(t, "CONTENT_LENGTH", fmt.Sprint(size))
				wantFree(t, budget)
			})
		}
	}
}

// TestBufferBudget: a body for which the budget has room, or not.
func TestBufferBudget(t *testing.T) {
	const share = 11_000 // a quarter of each
	for _, test := range []struct {
		name     string
		size     int
		unknown  bool
		most     int64    // MaxBodyBytes
		others   [2]int64 // reserved by other requests
		status   string
		streamed bool
	}{
		{name: "a quarter", size: share, status: "200"},
		{name: "over a quarter", size: share + 1, status: "200", streamed: true},
		{name: "others have all", size: 100, others: [2]int64{4000, 40_000}, status: "200", streamed: true},
		{name: "others have left some", size: 6000, others: [2]int64{3500, 38_000}, status: "200", streamed: true},
		{name: "unknown, a quarter", size: share, unknown: true, status: "200"},
		{name: "unknown, over a quarter", size: share + 1, unknown: true, status: "413"},
		{name: "unknown, others have all", size: 100, unknown: true, others: [2]int64{4000, 40_000}, status: "503"},
		{name: "unknown, others have left some", size: 6000, unknown: true, others: [2]int64{3500, 38_000}, status: "503"},
		{name: "unknown and empty, others have all", unknown: true, others: [2]int64{4000, 40_000}, status: "200"},
		{name: "empty, others have all", others: [2]int64{4000, 40_000}, status: "200"},
		{name: "the most", size: 5000, most: 5000, status: "200"},
		{name: "over the most", size: 5001, most: 5000, status: "413"},
		{name: "unknown, the most", size: 5000, unknown: true, most: 5000, status: "200"},
		{name: "unknown, over the most", size: 5001, unknown: true, most: 5000, status: "413"},
	} {
		t.Run(test.name, func(t *testing.T) {
			budget := &exchange.Budget{MemoryBytes: 4000, FileBytes: 40_000, Dir: t.TempDir()}
			if err := budget.Reserve(test.others[0], test.others[1]); err != nil {
				t.Fatal(err)
			}
			b, log := &recorder{}, new(logBuffer)
			h := buffered(b, budget)
			h.MaxBodyBytes, h.ErrorLog = test.most, log.logger()
			sent, length := strings.Repeat("0123456789", test.size/10+1)[:test.size], int64(test.size)
			if test.unknown {
				length = -1
			}
			for range 2 {
				out, err := askWith(t, h, strings.NewReader(sent), length, nil)
				if err != nil || !strings.HasPrefix(out, "Status: "+test.status) {
					t.Errorf("got %.40q, %v; want %s", out, err, test.status)
				}
			}
			if ok := test.status == "200"; ok && b.body != sent || !ok && b.calls > 0 {
				t.Errorf("the backend got %d bytes in %d calls", len(b.body), b.calls)
			}
			if n := strings.Count(log.String(), "passed on as it comes"); test.streamed != (n == 1) || n > 1 {
				t.Errorf("got the log %q; want one line: %t", log, test.streamed)
			}
			budget.Release(test.others[0], test.others[1])
			wantFree(t, budget)
		})
	}
}

// TestBufferMaxBody: with buffering the bound is 1 GiB unless another is set, and a larger body is
// refused by its declared length, unread.
func TestBufferMaxBody(t *testing.T) {
	for _, test := range []struct {
		buffer bool
		most   int64
		length int64
		want   string
	}{
		{true, 0, 1<<30 + 1, "413"},
		{true, -1, 3 << 30, "200"},
		{true, 1 << 31, 1 << 31, "200"},
		{true, 1 << 31, 1<<31 + 1, "413"},
		{false, 0, 1<<30 + 1, "200"},
		{false, 1 << 20, 1<<20 + 1, "413"},
	} {
		h := handler(says("Content-Type: text/plain\n\nok"))
		h.Buffer, h.MaxBodyBytes = test.buffer, test.most
		out, err := askWith(t, h, unreadable{t}, test.length, nil)
		if err != nil || !strings.HasPrefix(out, "Status: "+test.want) {
			t.Errorf("%+v: got %.40q, %v", test, out, err)
		}
	}
}

type unreadable struct{ t *testing.T }

func (u unreadable) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

// TestBufferExpect: a client that sends "Expect: 100-continue" gets no 100 for a body that is too
// large.
func TestBufferExpect(t *testing.T) {
	s := httptest.NewServer(buffered(&recorder{}, new(exchange.Budget)))
	defer s.Close()
	for length, want := range map[int64]string{1<<30 + 1: "HTTP/1.1 413 ", 5: "HTTP/1.1 100 "} {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(c, "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", length)
		line, err := bufio.NewReader(c).ReadString('\n')
		if !strings.HasPrefix(line, want) || err != nil {
			t.Errorf("%d bytes: got %q, %v; want %q", length, line, err, want)
		}
		c.Close()
	}
}

// TestBufferNoFolder: a body that cannot be buffered is the server's failure: 503, with the path in
// the log.
func TestBufferNoFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "missing")
	for _, length := range []int64{-1, 300_000} {
		b, log, budget := &recorder{}, new(logBuffer), &exchange.Budget{Dir: dir}
		h := buffered(b, budget)
		h.ErrorLog = log.logger()
		body := strings.Repeat("x", 300_000)
		var sent io.Reader = strings.NewReader(body)
		if length < 0 {
			sent = struct{ io.Reader }{sent}
		}
		got := fetch(t, h, "POST", "/x", sent)
		if got.status != 503 || b.calls > 0 || !strings.Contains(log.String(), dir) {
			t.Errorf("length %d: got %d after %d calls, the log %q; want 503, none, and the folder", length, got.status, b.calls, log)
		}
		wantFree(t, budget)
		fetch(t, h, "POST", "/x", strings.NewReader("small")).want(t, 200, "ok")
	}
}

// TestBufferClientLeaves: a body whose client leaves before its end is released.
func TestBufferClientLeaves(t *testing.T) {
	broken := errors.New("connection reset")
	for _, size := range []int{0, 1000, 3_000_000} {
		for _, known := range []bool{true, false} {
			budget, b := &exchange.Budget{Dir: t.TempDir()}, &recorder{}
			length := int64(-1)
			if known {
				length = int64(size) + 1
			}
			body := io.MultiReader(strings.NewReader(strings.Repeat("x", size)), errorReader{broken})
			if _, err := askWith(t, buffered(b, budget), body, length, nil); b.calls > 0 {
				t.Errorf("%d bytes, known %t: got %v and %d calls; want none", size, known, err, b.calls)
			}
			wantFree(t, budget)
		}
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

// TestBufferContext: a body is not read further when the context of the request has ended.
func TestBufferContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		budget, b := new(exchange.Budget), &recorder{}
		h := buffered(b, budget)
		h.Timeout = time.Minute
		start := time.Now()
		out, err := askWith(t, h, trickle{}, -1, nil)
		if b.calls > 0 || time.Since(start) > 2*time.Minute || !strings.HasPrefix(out, "Status: 408 ") {
			t.Errorf("got %.40q, %v after %v and %d calls; want 408 after a minute", out, err, time.Since(start), b.calls)
		}
		wantFree(t, budget)
	})
}

// trickle is a body that never ends.
type trickle struct{}

func (trickle) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	p[0] = 'x'
	return 1, nil
}
