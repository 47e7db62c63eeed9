package scgi

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// whole makes a request and reads the response.
func whole(c *Client, r *gateway.Request) (*gateway.Response, string, error) {
	resp, err := c.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, string(body), err
}

// The application dies at every byte of its answer, and dribbles what comes before. Without a
// Content-Length only a reset shows it.
func TestClientOfADyingApplication(t *testing.T) {
	for _, answer := range []string{
		"Content-Length: 4\r\n\r\nbody",
		"Status: 201 Created\nContent-Length: 4\n\nbody",
		"HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\nbody",
	} {
		for n := range len(answer) + 1 {
			c := peer(t, func(nc net.Conn, head string) {
				for i := range n {
					io.WriteString(nc, answer[i:i+1])
				}
			})
			_, got, err := whole(c, get())
			if whole := n == len(answer); whole && (got != "body" || err != nil) || !whole && status(err) != 502 {
				t.Errorf("%d of %d bytes of %q: got %q, %v", n, len(answer), answer, got, err)
			}
		}
	}
}

// Status lines of HTTP are taken (S11), and what is none is refused and never read on from (nginx's
// CVE-2026-42946).
func TestClientStatusLines(t *testing.T) {
	for _, test := range []struct {
		answer string
		status string // "" for a 502
	}{
		{"HTTP/1.1 200 OK\r\n\r\n", "200 OK"},
		{"HTTP/1.0 404 Not Found\nX: y\n\n", "404 Not Found"},
		{"HTTP/1.1 204\r\n\r\n", "204 "},
		{"HTTP/1.1 200 " + strings.Repeat("k", 900) + "\r\n\r\n", "200 " + strings.Repeat("k", 900)},
		{"HTTP/1.1 200 " + strings.Repeat("k", 2000) + "\r\n\r\n", ""},
		{"HTTP/1.1 20\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1 2000 OK\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1 abc OK\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1  200 OK\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1 99: y\r\nX: y\r\n\r\n", ""},
		{"HTTP/1. 200 OK\r\nX: y\r\n\r\n", ""},
		{"HTTP/2 200 OK\r\nX: y\r\n\r\n", ""},
		{"HTTP/2.0 200 OK\r\nX: y\r\n\r\n", "200 OK"},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "200 OK"},
		{"HTTP/1.1 100 Continue\r\n\r\n", ""},
		{"HTTP/1.1 200 O\x00K\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1 200 O\rK\r\nX: y\r\n\r\n", ""},
		{"HTTP/1.1 200 OK\r\nStatus: 404 Not Found\r\n\r\n", "200 OK"},
		{"HTTP/1.1 200 OK\r\nHTTP/1.1 200 OK\r\n\r\n", ""},
		{"X: y\r\nHTTP/1.1 200 OK\r\n\r\n", ""},
	} {
		for _, pieces := range []int{1, 7, len(test.answer)} {
			c := peer(t, func(nc net.Conn, head string) {
				for rest := test.answer; rest != ""; {
					n := min(pieces, len(rest))
					io.WriteString(nc, rest[:n])
					rest = rest[n:]
				}
			})
			c.MaxHeadBytes = 1000
			resp, _, err := whole(c, get())
			if test.status == "" && status(err) != 502 || test.status != "" && (err != nil || resp.Status != test.status) {
				t.Errorf("%.60q: got %+v, %v; want %.60q", test.answer, resp, err, test.status)
			}
		}
	}
}

func TestClientFallback(t *testing.T) {
	l := listenOn(t, "tcp")
	l.Close()
	c := peer(t, func(nc net.Conn, head string) { io.WriteString(nc, "X: y\n\nok") })
	c.Addr, c.Fallback = l.Addr().String(), []string{"unix:/no/such/socket", c.Addr}
	if _, got, err := whole(c, get()); got != "ok" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A body in memory goes with the head, and no more of it than CONTENT_LENGTH says.
func TestClientBodyInMemory(t *testing.T) {
	c := peer(t, func(nc net.Conn, head string) {
		io.WriteString(nc, "X: y\n\n")
		nc.(*net.TCPConn).CloseWrite()
		rest, err := io.ReadAll(nc)
		if err != nil || len(rest) > 0 { // the netstring's reader has taken the body too
			t.Errorf("behind the body came %q, %v", rest, err)
		}
	})
	r := &gateway.Request{Environ: environOf("CONTENT_LENGTH", "4"), Stdin: strings.NewReader("body and more")}
	if _, got, err := whole(c, r); got != "" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	r = &gateway.Request{Environ: environOf("CONTENT_LENGTH", "4"), Stdin: strings.NewReader("bod")}
	if _, _, err := whole(c, r); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("too short: got %v", err)
	}
}

// A slow upload is not the application's silence.
func TestClientTimeoutWaitsForTheBody(t *testing.T) {
	s := start(t, "tcp", &Server{App: echo})
	c := &Client{Addr: s.target(), FirstByteTimeout: 40 * time.Millisecond}
	body, feed := io.Pipe()
	go func() {
		for range 10 {
			feed.Write([]byte("x"))
			<-time.After(20 * time.Millisecond)
		}
	}()
	r := &gateway.Request{Environ: environOf("CONTENT_LENGTH", "10"), Stdin: body}
	if _, got, err := whole(c, r); !strings.HasPrefix(got, "xxxxxxxxxx|") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// holding is a server whose App reports that it was called, and waits for release.
func holding(t *testing.T) (c *Client, held, release chan bool) {
	held, release = make(chan bool), make(chan bool)
	s := start(t, "tcp", &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		held <- true
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return nil
	})})
	return &Client{Addr: s.target(), MaxConns: 1}, held, release
}

// A wait for a place ends with the context, after WaitTimeout, with a place, and with the Client.
func TestClientWait(t *testing.T) {
	c, held, release := holding(t)
	waiting := func() { waitUntil(t, func() bool { return c.Stats().Waiting == 1 }) }
	hold := func() (finished chan error) {
		finished = make(chan error, 1)
		go func() {
			_, _, err := whole(c, get())
			finished <- err
		}()
		<-held
		return finished
	}

	finished := hold()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		waiting()
		cancel()
	}()
	if _, _, err := whole(c, get().WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	c.WaitTimeout = 10 * time.Millisecond
	if _, _, err := whole(c, get()); status(err) != 503 {
		t.Errorf("WaitTimeout: got %v; want a 503", err)
	}
	c.WaitTimeout = -1
	go func() {
		waiting()
		release <- true
		<-held
		release <- true
	}()
	if _, _, err := whole(c, get()); err != nil {
		t.Errorf("got %v; want the place", err)
	}
	if err := <-finished; err != nil {
		t.Error(err)
	}

	finished = hold()
	go func() {
		waiting()
		c.Close()
	}()
	_, _, err := whole(c, get())
	wantClosed(t, "waiting at Close", err)
	wantClosed(t, "under way at Close", <-finished)
	_, _, err = whole(c, get())
	wantClosed(t, "after Close", err)
	if s := c.Stats(); s.Active != 0 || s.Waiting != 0 {
		t.Errorf("got %+v; want nothing left", s)
	}
}

// 1,000 aborted requests leave no connection and no request, neither in the client nor in the
// server.
func TestClientAborts(t *testing.T) {
	s := start(t, "unix", &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Flush()
		<-r.Context().Done()
		return r.Context().Err()
	})})
	c := &Client{Addr: s.target()}
	goroutines, files := runtime.NumGoroutine(), openFiles()
	var group sync.WaitGroup
	for worker := range 10 {
		group.Go(func() {
			for i := range 100 {
				abort(c, worker+i)
			}
		})
	}
	group.Wait()
	if s := c.Stats(); s != (ClientStats{Requests: 1000}) {
		t.Errorf("got %+v; want 1,000 requests and nothing left", s)
	}
	waitUntil(t, func() bool { return runtime.NumGoroutine() <= goroutines && openFiles() <= files })
}

// abort begins a request and ends it in one of the ways that there are.
func abort(c *Client, how int) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := get().WithContext(ctx)
	if how%2 == 0 {
		body, feed := io.Pipe() // that never says anything, until its App would have returned
		defer feed.Close()
		r.Environ.Set("CONTENT_LENGTH", "10")
		r.Stdin = body
	}
	if how%5 == 0 {
		cancel()
	}
	resp, err := c.RoundTrip(r)
	if err != nil {
		return
	}
	if how%3 == 0 {
		cancel()
		io.ReadAll(resp.Body)
	}
	resp.Body.Close()
}

// openFiles counts the descriptors of this process where the system tells.
func openFiles() int {
	list, _ := os.ReadDir("/proc/self/fd")
	return len(list)
}

// endingContext has ended as soon as an exchange asks to be told of its end, and does not tell it.
type endingContext struct {
	context.Context
	end func()
}

// Value hides the context within, which context.AfterFunc would talk to itself.
func (c *endingContext) Value(any) any { return nil }

// AfterFunc is what context.AfterFunc calls.
func (c *endingContext) AfterFunc(f func()) (stop func() bool) {
	c.end()
	return func() bool { return false }
}

// Nothing is sent for a request whose context has ended, also when that was while the connection
// was made.
func TestClientSendsNothingAfterTheContext(t *testing.T) {
	l := listenOn(t, "tcp")
	defer l.Close()
	received := make(chan string)
	go func() {
		nc, err := l.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		all, _ := io.ReadAll(nc)
		received <- string(all)
	}()
	inner, cancel := context.WithCancel(t.Context())
	c := &Client{Addr: l.Addr().String()}
	_, _, err := whole(c, get().WithContext(&endingContext{inner, cancel}))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context canceled", err)
	}
	if got := <-received; got != "" {
		t.Errorf("the application received %q; want nothing", got)
	}
	if s := c.Stats(); s.Active != 0 {
		t.Errorf("%d slots are still taken", s.Active)
	}
}

// wantClosed checks that err blames the gateway, because the Client is closed.
func wantClosed(t *testing.T, when string, err error) {
	t.Helper()
	var ours *gateway.ServerError
	if !errors.As(err, &ours) || ours.Status != 503 || !errors.Is(err, ErrClientClosed) || status(err) != 0 {
		t.Errorf("%s: got %v; want a ServerError of ErrClientClosed", when, err)
	}
}
