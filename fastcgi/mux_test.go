package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// multiplexing is an application that says it can, and then does what serve does.
func multiplexing(t *testing.T, serve func(a appConn)) *fastcgi.Client {
	t.Helper()
	c := application(t, func(a appConn) {
		if r, err := a.read(); err != nil || r.kind != typeGetValues || r.content != pairs("FCGI_MPXS_CONNS", "") {
			t.Errorf("got %+v, %v; want a question for FCGI_MPXS_CONNS", r, err)
			return
		}
		a.say(rec(typeGetValuesResult, 0, pairs("FCGI_MPXS_CONNS", "1")))
		serve(a)
	})
	c.Multiplex = true
	return c
}

// Many requests with bodies both ways go over one connection of our own server.
func TestClientMultiplexes(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.Copy(w, r.Stdin)
			return err
		})
		c := &fastcgi.Client{Addr: "unix:" + srv.addr.String(), Multiplex: true}
		defer c.Close()
		var group sync.WaitGroup
		for i := range 50 {
			group.Go(func() {
				body := strings.Repeat(fmt.Sprint(i, " "), 5000)
				for range 5 {
					if _, got, err := exchange(c, requestOf("POST", streamed(body), "SERVER_PROTOCOL", "HTTP/1.1")); got != body || err != nil {
						t.Errorf("got %d bytes, %v; want %d", len(got), err, len(body))
					}
				}
			})
		}
		group.Wait()
		settle(t, c)
		if s := c.Stats(); s.Dialed != 1 || s.Idle != 1 {
			t.Errorf("got %+v; want one connection", s)
		}
	})
}

// Records of two answers come mixed, and the second request is answered first (F32).
func TestClientMultiplexedAnswers(t *testing.T) {
	c := multiplexing(t, func(a appConn) {
		one, _ := a.request()
		two, _ := a.request()
		if one.param("N") != "1" {
			one, two = two, one
		}
		a.say(stdout(one.id, "A: 1\r\n"), stdout(two.id, "A: 2\r\n"), stdout(one.id, "\r\non"), stdout(two.id, "\r\ntwo"), end(two.id, 2, 0),
			rec(typeGetValuesResult, 0, ""), stdout(one.id, "e"), end(one.id, 1, 0))
		a.hangUp()
	})
	var group sync.WaitGroup
	for n, want := range map[string]string{"1": "one", "2": "two"} {
		group.Go(func() {
			resp, got, err := exchange(c, requestOf("GET", nil, "N", n))
			if got != want || err != nil || fmt.Sprint(resp.ExitStatus) != n || resp.Headers.Get("A") != n {
				t.Errorf("request %s: got %q, %v", n, got, err)
			}
		})
	}
	group.Wait()
}

// The Client does not multiplex with an application that cannot.
func TestClientMultiplexesNot(t *testing.T) {
	for _, test := range []struct {
		name  string
		serve func(a appConn) // the first connection
	}{
		{"FCGI_MPXS_CONNS=0", func(a appConn) {
			a.read()
			a.say(rec(typeGetValuesResult, 0, pairs("FCGI_MPXS_CONNS", "0")))
			a.hangUp()
		}},
		{"an answer without it", func(a appConn) {
			a.read()
			a.say(rec(typeGetValuesResult, 0, ""))
			a.hangUp()
		}},
		{"another answer", func(a appConn) {
			a.read()
			a.say(rec(typeUnknownType, 0, "12345678"))
			a.hangUp()
		}},
		{"closed (F15)", func(a appConn) { a.read() }},
		{"silence", func(a appConn) { a.hangUp() }},
		{"FCGI_CANT_MPX_CONN in spite of it", func(a appConn) {
			a.read()
			a.say(rec(typeGetValuesResult, 0, pairs("FCGI_MPXS_CONNS", "1")))
			call, _ := a.request()
			a.say(end(call.id, 0, 1))
			a.hangUp()
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := application(t, func(a appConn) {
				if a.number == 1 {
					test.serve(a)
				} else {
					answering(a)
				}
			})
			c.Multiplex, c.DialTimeout = true, 100*time.Millisecond
			for range 3 {
				if _, got, err := exchange(c, requestOf("POST", strings.NewReader("body"))); got != "ok" || err != nil {
					t.Errorf("got %q, %v", got, err)
				}
			}
			if s := c.Stats(); s.Dialed != 2 {
				t.Errorf("got %+v; want a second connection, for all", s)
			}
		})
	}
}

// One request is given up, and the application is told; the others go on, and its late records mean
// nothing (F18).
func TestClientMultiplexedAbort(t *testing.T) {
	first := make(chan bool)
	c := multiplexing(t, func(a appConn) {
		one, _ := a.request()
		a.say(stdout(one.id, "A: 1\r\n\r\npart"))
		close(first)
		two, _ := a.request()
		a.say(stdout(two.id, "A: 2\r\n\r\n"))
		if r := a.next(); r.kind != typeAbort || r.id != one.id {
			t.Errorf("got %+v; want FCGI_ABORT_REQUEST of %d", r, one.id)
		}
		a.say(stdout(one.id, "late"), stdout(two.id, "two"), end(one.id, 0, 0), end(two.id, 0, 0))
		three, err := a.request()
		if err == nil {
			a.say(whole(three.id, ok))
		}
		a.hangUp()
	})
	one, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	<-first
	two, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	one.Body.Close()
	if got, err := io.ReadAll(two.Body); string(got) != "two" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	two.Body.Close()
	expectOK(t, c)
	if s := c.Stats(); s.Dialed != 1 {
		t.Errorf("got %+v; want one connection", s)
	}
}

// A slow reader, and one that has gone, do not keep others from their responses, as long as less
// than the bound is unread.
func TestClientMultiplexedSlowReader(t *testing.T) {
	big := strings.Repeat("x", 60_000)
	c := multiplexing(t, func(a appConn) {
		one, _ := a.request()
		a.say(stdout(one.id, "A: 1\r\n\r\n"))
		for range 4 {
			a.say(stdout(one.id, big))
		}
		two, _ := a.request()
		a.say(whole(two.id, ok))
		for range 40 { // over the bound
			a.say(stdout(one.id, big))
		}
		a.say(end(one.id, 0, 0))
		a.hangUp()
	})
	slow, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Body.Close()
	expectOK(t, c)
	if got, err := io.ReadAll(slow.Body); len(got) != 44*len(big) || err != nil {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, 44*len(big))
	}
}

// sendsUnread answers the requests of a connection with ok, but those that ask for it with more
// than waits for a reader. One that is given up has been answered before.
func sendsUnread(a appConn) {
	what := make(map[uint16]string)
	for {
		r, err := a.read()
		switch {
		case err != nil:
			return
		case r.kind == typeParams && r.content != "":
			what[r.id] = (&call{pairs: cutPairs(r.content)}).param("WHAT")
		case r.kind == typeStdin && what[r.id] == "big":
			a.say(stdout(r.id, "A: b\r\n\r\n"), strings.Repeat(stdout(r.id, strings.Repeat("x", 60_000)), bigRecords), end(r.id, 0, 0))
		case r.kind == typeStdin:
			a.say(whole(r.id, ok))
		}
	}
}

// bigRecords is a little more than waits for a reader, and with the system's buffer less than keeps
// the application from going on.
const bigRecords = 6

// impatiently makes a request that may have come to a connection which waits for a reader.
func impatiently(c *fastcgi.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, _, err := exchange(c, requestOf("GET", nil).WithContext(ctx))
	return err
}

// A connection that waits for the reader of one response gets no further requests: they go over
// another one.
func TestClientMultiplexedUnread(t *testing.T) {
	c := multiplexing(t, sendsUnread)
	unread, err := c.RoundTrip(requestOf("GET", nil, "WHAT", "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	// the first few may come before the connection waits
	waitUntil(t, "another connection", func() bool {
		impatiently(c)
		return c.Stats().Dialed == 2
	})
	for range 10 {
		expectOK(t, c)
	}
	if got, err := io.ReadAll(unread.Body); len(got) != bigRecords*60_000 || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	unread.Body.Close()
	settle(t, c)
	if s := c.Stats(); s.Dialed != 2 || s.Requests < 12 || s.Stalled != 0 || s.Idle != 1 {
		t.Errorf("got %+v; want two connections", s)
	}
}

// Under MaxConns further requests wait until the response is read, as long as for any connection.
func TestClientMultiplexedUnreadUnderMaxConns(t *testing.T) {
	c := multiplexing(t, sendsUnread)
	c.MaxConns = 1
	unread, err := c.RoundTrip(requestOf("GET", nil, "WHAT", "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	c.WaitTimeout = time.Millisecond
	waitUntil(t, "a connection that waits for its reader", func() bool {
		return backendStatus(impatiently(c)) == 503
	})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	c.WaitTimeout = -1
	if _, _, err := exchange(c, requestOf("GET", nil).WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() { expectOK(t, c) })
	}
	waitUntil(t, "three that wait", func() bool { return c.Stats().Waiting == 3 })
	if got, err := io.ReadAll(unread.Body); len(got) != bigRecords*60_000 || err != nil {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	group.Wait()
	if s := c.Stats(); s.Retried != 0 || s.Waiting != 0 {
		t.Errorf("got %+v; want none that waits", s)
	}
}

// Close ends a connection that waits for the reader of a response, and those that wait for it.
func TestClientMultiplexedUnreadAndClose(t *testing.T) {
	c := multiplexing(t, sendsUnread)
	c.MaxConns, c.WaitTimeout, c.ReadTimeout = 1, time.Millisecond, -1
	unread, err := c.RoundTrip(requestOf("GET", nil, "WHAT", "big"))
	if err != nil {
		t.Fatal(err)
	}
	defer unread.Body.Close()
	waitUntil(t, "a connection that waits for its reader", func() bool {
		return backendStatus(impatiently(c)) == 503
	})
	c.WaitTimeout = -1
	waits := make(chan error)
	go func() {
		_, _, err := exchange(c, requestOf("GET", nil))
		waits <- err
	}()
	waitUntil(t, "a request that waits", func() bool { return c.Stats().Waiting == 1 })
	c.Close()
	if err := <-waits; !isClosed(err) {
		t.Errorf("the one that waits: got %v; want a ServerError of ErrClientClosed", err)
	}
	if _, err := io.ReadAll(unread.Body); !isClosed(err) {
		t.Errorf("the one that is not read: got %v; want a ServerError of ErrClientClosed", err)
	}
	waitUntil(t, "the end of the connection", func() bool { s := c.Stats(); return s.Active+s.Idle == 0 })
}

// A request whose response is not read at all for ReadTimeout is given up, and the application is
// told; the others go on.
func TestClientMultiplexedStalled(t *testing.T) {
	begun := make(chan bool)
	c := multiplexing(t, func(a appConn) {
		one, _ := a.request()
		a.say(stdout(one.id, "A: 1\r\n\r\n"))
		two, _ := a.request()
		a.say(stdout(two.id, "A: 2\r\n\r\n"))
		<-begun
		aborted := make(chan record, 1)
		go func() { aborted <- a.next() }()
		for range 20 {
			a.say(stdout(one.id, strings.Repeat("x", 60_000)))
		}
		if r := <-aborted; r.kind != typeAbort || r.id != one.id {
			t.Errorf("got %+v; want FCGI_ABORT_REQUEST of %d", r, one.id)
		}
		a.say(end(one.id, 0, 0), stdout(two.id, "two"), end(two.id, 0, 0))
		three, err := a.request()
		if err == nil {
			a.say(whole(three.id, ok))
		}
		a.hangUp()
	})
	c.ReadTimeout = 300 * time.Millisecond
	one, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	two, err := c.RoundTrip(requestOf("GET", nil))
	if err != nil {
		t.Fatal(err)
	}
	close(begun)
	if got, err := io.ReadAll(two.Body); string(got) != "two" || err != nil {
		t.Errorf("the other: got %q, %v", got, err)
	}
	two.Body.Close()
	if got, err := io.ReadAll(one.Body); backendStatus(err) != 504 || !strings.Contains(err.Error(), "not read in time") {
		t.Errorf("the one that was not read: got %d bytes, %v; want a 504", len(got), err)
	}
	one.Body.Close()
	expectOK(t, c)
	settle(t, c)
	if s := c.Stats(); s.Dialed != 1 || s.Stalled != 1 || s.Requests != 3 {
		t.Errorf("got %+v; want one connection, three requests and one that stalled", s)
	}
}

// The end of the connection is that of all its requests, and of no later one.
func TestClientMultiplexedDeath(t *testing.T) {
	for _, last := range []string{"", stdout(1, "A: b"), stdout(99, "not open"), "\xff\xff\xff\xff\xff\xff\xff\xff"} {
		ready := make(chan bool)
		c := multiplexing(t, func(a appConn) {
			one, _ := a.request()
			if a.number > 1 {
				a.say(whole(one.id, ok))
				a.hangUp()
				return
			}
			a.say(stdout(one.id, "A: 1\r\n\r\npart"))
			<-ready
			a.say(last)
		})
		resp, err := c.RoundTrip(requestOf("GET", nil))
		if err != nil {
			t.Fatal(err)
		}
		close(ready)
		if got, err := io.ReadAll(resp.Body); !strings.HasPrefix(string(got), "part") || backendStatus(err) != 502 {
			t.Errorf("%q: got %q, %v; want a 502", last, got, err)
		}
		resp.Body.Close()
		settle(t, c)
		expectOK(t, c)
	}
}

func TestClientMultiplexedTimeouts(t *testing.T) {
	c := multiplexing(t, func(a appConn) { a.hangUp() })
	c.FirstByteTimeout = 20 * time.Millisecond
	if _, _, err := exchange(c, requestOf("GET", nil)); backendStatus(err) != 504 {
		t.Errorf("got %v; want a 504", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	c.FirstByteTimeout = -1
	if _, _, err := exchange(c, requestOf("GET", nil).WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
	settle(t, c)
}

func TestClientMultiplexedIdleTimeout(t *testing.T) {
	ended := make(chan bool)
	c := multiplexing(t, func(a appConn) {
		answering(a)
		ended <- true
	})
	c.IdleTimeout = 20 * time.Millisecond
	expectOK(t, c)
	<-ended
	c.IdleTimeout = -1
	expectOK(t, c)
	c.CloseIdle()
	<-ended
	expectOK(t, c)
	c.Close()
	<-ended
	if _, _, err := exchange(c, requestOf("GET", nil)); !errors.Is(err, fastcgi.ErrClientClosed) {
		t.Errorf("got %v; want ErrClientClosed", err)
	}
}

func TestClientMultiplexedAborts(t *testing.T) {
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Flush()
		<-r.Context().Done()
		return r.Context().Err()
	})
	c := &fastcgi.Client{Addr: "unix:" + srv.addr.String(), Multiplex: true}
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
	settle(t, c)
	c.Close()
	for end := time.Now().Add(patience); runtime.NumGoroutine() > goroutines || openFiles() > files; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines and %d files; want %d and %d", runtime.NumGoroutine(), openFiles(), goroutines, files)
		}
	}
}
