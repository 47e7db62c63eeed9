package host_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/util"
)

// buffered is a Handler with a quiet log that buffers within b.
func buffered(backend gateway.Backend, b *exchange.Budget) *host.Handler {
	h := handler(backend)
	h.Buffer, h.Budget = true, b
	return h
}

// askWith has h answer a request whose body is unknown in length where length is negative. It returns what was written to out, or to a
// buffer where that is nil.
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

// wantFree fails when something is reserved in b.
func wantFree(t *testing.T, b *exchange.Budget) {
	t.Helper()
	if memory, files := b.Used(); memory != 0 || files != 0 {
		t.Errorf("got %d bytes of memory and %d of files still reserved", memory, files)
	}
}

// TestBufferCompletesBody: the backend is asked when the last byte of the body is there, whatever its length and where it waits.
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

// TestBufferBudget: what becomes of a body for which there is room, or not.
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

// TestBufferMaxBody: with buffering 1 GiB is the most unless another bound is set, and a larger body is refused by its declared length,
// unread.
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

// TestBufferExpect: a client that asks first is not told to go on with a body that is too large.
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

// TestBufferNoFolder: a body that cannot be kept is the server's failure: 503, with the path in the log.
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

// TestBufferClientLeaves: a client that leaves within its body leaves nothing behind, wherever its body waits.
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

// TestBufferContext: no more of a body is read when the request's time is over.
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

// output is a backend's answer that tells how far it was read, and whether it was closed.
type output struct {
	io.Reader
	taken  atomic.Int64
	closed atomic.Bool
}

func (o *output) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	o.taken.Add(int64(n))
	return n, err
}

func (o *output) Close() error {
	o.closed.Store(true)
	return nil
}

// gated is a client that takes nothing until it is opened.
type gated struct {
	open chan struct{}
	mu   sync.Mutex
	got  bytes.Buffer
}

func (g *gated) Write(p []byte) (int, error) {
	<-g.open
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got.Write(p)
}

// TestBufferReadsAhead: with Buffer a client that takes nothing does not occupy the backend, unless the answer says that it is not to be
// buffered.
func TestBufferReadsAhead(t *testing.T) {
	sent := strings.Repeat("0123456789abcdef", 200_000)
	for _, test := range []struct {
		buffer bool
		field  string
		ahead  bool
	}{
		{true, "", true},
		{true, "X-Accel-Buffering: yes\n", true},
		{true, "X-Accel-Buffering: no\n", false},
		{true, "x-accel-buffering: NO\n", false},
		{false, "", false},
		{true, fmt.Sprintf("Content-Length: %d\n", len(sent)), true},
	} {
		synctest.Test(t, func(t *testing.T) {
			answer := &output{Reader: strings.NewReader("Content-Type: text/plain\n" + test.field + "\n" + sent)}
			b := backendFunc(func(*gateway.Request) (*gateway.Response, error) { return gateway.ReadResponse(answer, 0) })
			budget := &exchange.Budget{Dir: t.TempDir()}
			h := buffered(b, budget)
			h.Buffer = test.buffer
			client, done := &gated{open: make(chan struct{})}, make(chan error)
			go func() {
				_, err := askWith(t, h, nil, 0, client)
				done <- err
			}()
			time.Sleep(time.Minute)
			synctest.Wait()
			if ahead := answer.closed.Load(); ahead != test.ahead || !ahead && answer.taken.Load() > 100_000 {
				t.Errorf("%+v: closed %t after %d bytes, with a client that takes nothing", test, ahead, answer.taken.Load())
			}
			close(client.open)
			if err := <-done; err != nil || !strings.HasSuffix(client.got.String(), "\r\n\r\n"+sent) {
				t.Errorf("%+v: got %d bytes, %v", test, client.got.Len(), err)
			}
			wantFree(t, budget)
		})
	}
}

// TestBufferBodyless: answers without a body are the same with buffering, and so are those that come before the body is read.
func TestBufferBodyless(t *testing.T) {
	for _, test := range []struct {
		method, answer string
		status         int
		length         string
	}{
		{"HEAD", "Content-Type: text/plain\nContent-Length: 5\n\nhello", 200, "5"},
		{"GET", "Status: 204 No Content\n\n", 204, ""},
		{"GET", "Status: 304 Not Modified\nETag: \"a\"\n\nno body may be here", 304, ""},
		{"POST", "Status: 413 Content Too Large\nContent-Length: 0\n\n", 413, "0"},
	} {
		for _, buffer := range []bool{true, false} {
			h := handler(says(test.answer))
			h.Buffer = buffer
			var body io.Reader
			if test.method == "POST" {
				body = strings.NewReader(strings.Repeat("x", 1_000_000))
			}
			got := fetch(t, h, test.method, "/x", body)
			got.want(t, test.status, "")
			if length := got.header.Get("Content-Length"); length != test.length {
				t.Errorf("%s %d: got Content-Length %q; want %q", test.method, test.status, length, test.length)
			}
		}
	}
}

// TestBufferTransport: a Transport with Buffer completes a body too, and reads ahead of its caller.
func TestBufferTransport(t *testing.T) {
	sent := strings.Repeat("0123456789abcdef", 200_000)
	answer := &output{Reader: strings.NewReader("Content-Type: text/plain\n\n" + sent)}
	var got string
	b := backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		body, err := io.ReadAll(r.Stdin)
		if got = string(body); err != nil {
			return nil, err
		}
		if _, ok := exchange.InMemory(r.Stdin); !ok {
			t.Error("the body was not complete")
		}
		return gateway.ReadResponse(answer, 0)
	})
	synctest.Test(t, func(t *testing.T) {
		budget := &exchange.Budget{Dir: t.TempDir()}
		tr := &host.Transport{Backend: b, Buffer: true, Budget: budget, ErrorLog: quiet}
		r, err := http.NewRequest("POST", "http://x/y", io.NopCloser(strings.NewReader(sent)))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := tr.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Read(make([]byte, 1))
		time.Sleep(time.Minute)
		synctest.Wait()
		if !answer.closed.Load() {
			t.Errorf("read %d bytes ahead; want all", answer.taken.Load())
		}
		rest, err := io.ReadAll(resp.Body)
		if err != nil || string(rest) != sent[1:] || got != sent {
			t.Errorf("got %d bytes, %v, and %d at the backend", len(rest), err, len(got))
		}
		resp.Body.Close()
		wantFree(t, budget)
	})
}

// fileClient is a client that a file can be sent to without its bytes passing through this process.
type fileClient struct {
	bytes.Buffer
	files int
}

func (c *fileClient) SendFile(f gateway.File, n int64) (int64, error) {
	c.files++
	return io.CopyN(&c.Buffer, f, n)
}

// TestBufferFile: a file that is sent in the place of an answer does not go through the budget.
func TestBufferFile(t *testing.T) {
	dir, text := t.TempDir(), strings.Repeat("file", 100_000)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := buffered(says("Content-Type: text/plain\nX-Accel-Redirect: /files/a.txt\n\n"), &exchange.Budget{MemoryBytes: -1, FileBytes: -1})
	h.Offload = map[string]string{"/files": dir}
	client := new(fileClient)
	if _, err := askWith(t, h, nil, 0, client); err != nil || client.files != 1 || !strings.HasSuffix(client.String(), text) {
		t.Errorf("got %v, %d files sent, %d bytes", err, client.files, client.Len())
	}
}

// TestBufferMemory: many answers that wait for slow clients stay within the budget for memory, each of them complete.
func TestBufferMemory(t *testing.T) {
	const clients, size, budgetBytes, apiece = 100, 8 << 20, 2 << 20, 128 << 10 // apiece is what a request costs without buffering
	var answered sync.WaitGroup
	answered.Add(clients)
	b := backendFunc(func(*gateway.Request) (*gateway.Response, error) {
		body := io.MultiReader(strings.NewReader("Content-Type: application/octet-stream\n\n"), io.LimitReader(zeros{}, size))
		return gateway.ReadResponse(&notifier{Reader: body, done: answered.Done}, 0)
	})
	budget := &exchange.Budget{MemoryBytes: budgetBytes, Dir: t.TempDir()}
	s := httptest.NewServer(buffered(b, budget))
	defer s.Close()
	before := heap()
	var conns []net.Conn
	for range clients {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.(*net.TCPConn).SetReadBuffer(64 << 10) // or the system takes all of it off the server
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		conns = append(conns, c)
	}
	answered.Wait()
	if memory, files := budget.Used(); memory > budgetBytes || files == 0 {
		t.Errorf("got %d bytes of memory and %d of files reserved", memory, files)
	}
	if grown := heap() - before; grown > budgetBytes+clients*apiece {
		t.Errorf("the heap has grown by %d bytes; want at most the budget's %d and %d for the requests", grown, budgetBytes, clients*apiece)
	}
	for _, c := range conns {
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, resp.Body); n != size || err != nil {
			t.Errorf("got %d bytes, %v; want %d", n, err, size)
		}
	}
	wantFree(t, budget)
}

// heap returns how much memory is in use.
func heap() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// notifier calls done when it is closed.
type notifier struct {
	io.Reader
	done func()
}

func (n *notifier) Close() error {
	n.done()
	return nil
}
