package host_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/scgi"
)

// waitFor waits until holds returns true, and fails the test if it does not.
func waitFor(t testing.TB, true func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !true(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("waited in vain")
		}
	}
}

// answering returns an SCGI client of a server that reads the request of each connection and calls
// serve.
func answering(t testing.TB, serve func(c *net.TCPConn)) *scgi.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for c, err := l.Accept(); err == nil; c, err = l.Accept() {
			go func() {
				defer c.Close()
				readHead(c)
				serve(c.(*net.TCPConn))
			}()
		}
	}()
	return &scgi.Client{Addr: l.Addr().String()}
}

// readHead reads a netstring.
func readHead(c net.Conn) {
	length := 0
	for b := make([]byte, 1); ; {
		if _, err := c.Read(b); err != nil || b[0] == ':' {
			break
		}
		length = 10*length + int(b[0]-'0')
	}
	io.CopyN(io.Discard, c, int64(length)+1)
}

// TestDeathAtEveryByte: if a backend resets the connection at any byte of its answer, the client
// gets a 502 or a response that is visibly broken, and never a complete one. (In SCGI a close is
// the end of the answer; if a length was declared, an early close shows too.)
func TestDeathAtEveryByte(t *testing.T) {
	const whole = "Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n\r\n0123456789"
	for cut := range whole {
		for _, reset := range []bool{true, false} {
			b := answering(t, func(c *net.TCPConn) {
				io.WriteString(c, whole[:cut])
				if reset {
					c.SetLinger(0)
				}
			})
			if a := get(t, handler(b), "/"); a.err == nil && a.status != 502 {
				t.Errorf("cut at %d, reset %v: got %+v; want a 502 or a broken response", cut, reset, a)
			}
		}
	}
	b := answering(t, func(c *net.TCPConn) { io.WriteString(c, whole) })
	get(t, handler(b), "/").want(t, 200, "0123456789")
}

// TestDeathInALongBody: after the head the connection is broken, also for a response without a
// declared length.
func TestDeathInALongBody(t *testing.T) {
	for _, head := range []string{"Content-Type: a/b\n\n", "Content-Type: a/b\nContent-Length: 200000\n\n"} {
		b := answering(t, func(c *net.TCPConn) {
			io.WriteString(c, head+strings.Repeat("x", 100_000))
			c.SetLinger(0)
		})
		if a := get(t, handler(b), "/"); a.err == nil && a.status == 200 {
			t.Errorf("%q: got %d bytes that pass for whole", head, len(a.body))
		}
	}
}

// TestRefusedConnection: 502, at once.
func TestRefusedConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	a := get(t, handler(&scgi.Client{Addr: l.Addr().String()}), "/")
	a.want(t, 502, "The application cannot be reached.\n")
}

// TestStall: 504 before the head, a broken response after it (C42).
func TestStall(t *testing.T) {
	for _, said := range []string{"", "Status: 200 OK\n", "Content-Type: a/b\n\nsome"} {
		stalled := answering(t, func(c *net.TCPConn) {
			io.WriteString(c, said)
			io.Copy(io.Discard, c) // until the client closes
		})
		local := gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			if strings.Contains(said, "\n\n") {
				io.WriteString(w, "some")
				w.Flush()
			}
			<-r.Context().Done()
			return r.Context().Err()
		}))
		slow := &scgi.Client{Addr: stalled.Addr, FirstByteTimeout: 50 * time.Millisecond, ReadTimeout: 50 * time.Millisecond}
		for name, h := range map[string]*host.Handler{
			"the Handler's bound":             {Backend: stalled, Timeout: 50 * time.Millisecond, ErrorLog: quiet},
			"the backend's bound":             {Backend: slow, ErrorLog: quiet},
			"the Handler's bound, in process": {Backend: local, Timeout: 50 * time.Millisecond, ErrorLog: quiet},
		} {
			began := time.Now()
			a := get(t, h, "/")
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("%s, after %q: took %v", name, said, took)
			}
			if strings.Contains(said, "\n\n") {
				if a.err == nil {
					t.Errorf("%s, after %q: got %+v; want a broken response", name, said, a)
				}
				continue
			}
			if a.status != 504 || !strings.Contains(a.body, "in time") {
				t.Errorf("%s, after %q: got %+v; want a 504", name, said, a)
			}
		}
	}
}

// TestEarlyAnswer: the client gets the answer of a backend that has not read the body, and can use
// its connection again (C45).
func TestEarlyAnswer(t *testing.T) {
	b := answering(t, func(c *net.TCPConn) {
		io.WriteString(c, "Status: 403 No\nContent-Type: text/plain\nContent-Length: 2\n\nno")
		c.CloseWrite()
		io.Copy(io.Discard, c)
	})
	s := httptest.NewServer(handler(b))
	defer s.Close()
	client := s.Client()
	for range 20 { // on one connection, of which a wrong read would make net/http panic
		resp, err := client.Post(s.URL, "a/b", strings.NewReader(strings.Repeat("x", 1<<20)))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 403 || string(body) != "no" || err != nil {
			t.Fatalf("got %d %q, %v", resp.StatusCode, body, err)
		}
	}
}

// TestShortRequestBody: a body that breaks off is the client's fault, and the backend never takes a
// part of it for the whole.
func TestShortRequestBody(t *testing.T) {
	for _, head := range []string{"Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"} {
		b := &recorder{}
		h := handler(b)
		told := make(chan *gateway.Access, 1)
		h.Access = func(a *gateway.Access) { told <- a }
		s := httptest.NewServer(h)
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\n"+head)
		c.(*net.TCPConn).CloseWrite()
		if a := <-told; !errors.Is(b.bodyErr, io.ErrUnexpectedEOF) && (a.Status != 400 || b.calls > 0) {
			t.Errorf("%q: got %d, %v, and the backend %q, %v; want a 400 or an error in the body", head, a.Status, a.Err, b.body, b.bodyErr)
		}
		c.Close()
		s.Close()
	}
}

// TestFlush: each piece of a streamed answer arrives before the next is made, and the head before
// the first piece.
func TestFlush(t *testing.T) {
	step := make(chan string)
	h := handler(gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/event-stream")
		if err := w.Flush(); err != nil {
			return err
		}
		for piece := range step {
			io.WriteString(w, piece)
			if err := w.Flush(); err != nil {
				return err
			}
		}
		return nil
	})))
	s := httptest.NewServer(h)
	defer s.Close()
	resp, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	for i := range 5 {
		sent := fmt.Sprintf("data: %d\n\n", i)
		step <- sent
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(resp.Body, got); string(got) != sent || err != nil {
			t.Fatalf("got %q, %v; want %q", got, err, sent)
		}
	}
	close(step)
	if rest, err := io.ReadAll(resp.Body); len(rest) > 0 || err != nil {
		t.Errorf("got %q, %v; want the end", rest, err)
	}
}

// openFiles counts file descriptors. It returns -1 if the system does not tell.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	return len(entries)
}

// TestAbortedRequests: a thousand clients that close their connections, at every stage, leave no
// goroutine and no descriptor (F43).
func TestAbortedRequests(t *testing.T) {
	stages := []gateway.Backend{
		gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			<-r.Context().Done()
			return r.Context().Err()
		})),
		gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return err
				}
			}
		})),
		answering(t, func(c *net.TCPConn) { io.Copy(io.Discard, c) }),
		answering(t, func(c *net.TCPConn) {
			io.WriteString(c, "Content-Type: a/b\n\nbegun")
			io.Copy(io.Discard, c)
		}),
	}
	under := atomic.Int32{}
	turn := atomic.Int32{}
	handlers := make([]*host.Handler, len(stages))
	for i, b := range stages {
		handlers[i] = handler(b)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		under.Add(1)
		defer under.Add(-1)
		handlers[int(turn.Add(1))%len(handlers)].ServeHTTP(w, r)
	}))
	defer s.Close()
	abort := func(n int) {
		for i := range n {
			ctx, cancel := context.WithCancel(t.Context())
			before := turn.Load()
			done := make(chan struct{})
			go func() {
				defer close(done)
				body := io.Reader(nil)
				if i%3 == 0 {
					body = io.MultiReader(strings.NewReader(strings.Repeat("x", 100_000)), &waiting{ctx})
				}
				r, _ := http.NewRequestWithContext(ctx, "POST", s.URL, body)
				resp, err := s.Client().Do(r)
				if err == nil {
					io.CopyN(io.Discard, resp.Body, 3)
					resp.Body.Close()
				}
			}()
			if waitFor(t, func() bool { return turn.Load() > before }); i%2 == 0 {
				runtime.Gosched()
			}
			cancel()
			<-done
		}
		waitFor(t, func() bool { return under.Load() == 0 })
	}
	abort(20)
	s.Client().CloseIdleConnections()
	goroutines, files := runtime.NumGoroutine(), openFiles()
	abort(300)
	s.Client().CloseIdleConnections()
	waitFor(t, func() bool { return runtime.NumGoroutine() <= goroutines+2 && openFiles() <= files+2 })
}

// waiting is a body that blocks until its request has ended.
type waiting struct{ ctx context.Context }

func (w *waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.ctx.Err()
}
