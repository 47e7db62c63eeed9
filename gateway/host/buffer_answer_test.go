package host_test

import (
	"bufio"
	"bytes"
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

// gated is a client that reads nothing until it is opened.
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

// TestBufferReadsAhead: with Buffer, a client that reads nothing does not occupy the backend,
// unless the answer forbids buffering.
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

// TestBufferBodyless: answers without a body are the same with buffering, and so are those that
// come before the body is read.
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

// fileClient is a client to which sendfile(2) can send.
type fileClient struct {
	bytes.Buffer
	files int
}

func (c *fileClient) SendFile(f gateway.File, n int64) (int64, error) {
	c.files++
	return io.CopyN(&c.Buffer, f, n)
}

// TestBufferFile: a file that is sent in place of an answer needs no budget.
func TestBufferFile(t *testing.T) {
	dir, text := t.TempDir(), strings.Repeat("file", 100_000)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	h := buffered(says("Content-Type: text/plain\nX-Accel-Redirect: /files/a.txt\n\n"), &exchange.Budget{MemoryBytes: -1, FileBytes: -1})
	h.Offload = map[string]string{"/files": dir}
	client := new(fileClient)
	run := gateway.BaseCGIHandler{
		Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "PATH_INFO": "/x", "REQUEST_URI": "/x"}),
		Stdout:  client, Stderr: io.Discard, OriginServer: true,
	}
	if err := run.Run(t.Context(), h); err != nil || client.files != 1 || !strings.HasSuffix(client.String(), text) {
		t.Errorf("got %v, %d files sent, %d bytes", err, client.files, client.Len())
	}
}

// TestBufferMemory: many answers that wait for slow clients stay within the budget for memory, each
// of them complete.
func TestBufferMemory(t *testing.T) {
	// apiece is the memory of a request without buffering
	const clients, size, budgetBytes, apiece = 40, 8 << 20, 2 << 20, 128 << 10
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
		c.(*net.TCPConn).SetReadBuffer(64 << 10) // otherwise the system buffers the whole answer
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
