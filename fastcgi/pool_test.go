package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// A connection serves one request after the other, each under another id (F45).
func TestClientReuse(t *testing.T) {
	var ids []uint16
	c := application(t, func(a appConn) {
		for {
			call, err := a.request()
			if err != nil {
				return
			}
			ids = append(ids, call.id)
			a.say(whole(call.id, ok))
		}
	})
	c.MaxIdleConns = 1
	for range 3 {
		expectOK(t, c)
		exchange(c, requestOf("POST", streamed("body"), "CONTENT_LENGTH", "4"))
		settle(t, c)
	}
	if s := c.Stats(); s != (fastcgi.ClientStats{Requests: 6, Dialed: 1, Idle: 1}) {
		t.Errorf("got %+v; want one connection, idle", s)
	}
	c.CloseIdle()
	if s := c.Stats(); s.Idle != 0 {
		t.Errorf("got %+v; want none idle", s)
	}
	expectOK(t, c)
	if got := fmt.Sprint(ids); got != "[1 2 3 4 5 6 1]" {
		t.Errorf("got the ids %s", got)
	}
}

// settle waits until no connection has a request: that of a body which was sent beside the answer
// may be given back a moment later.
func settle(t *testing.T, c *fastcgi.Client) {
	t.Helper()
	for end := time.Now().Add(patience); c.Stats().Active > 0; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("got %+v; want no active connection", c.Stats())
		}
	}
}

// A complete exchange whose response cannot be used leaves its connection to others at once. Only
// the race detector sees what it still does with that.
func TestClientLeavesTheConnection(t *testing.T) {
	c := application(t, func(a appConn) {
		for {
			call, err := a.request()
			if err != nil || a.say(whole(call.id, "no head")) != nil {
				return
			}
		}
	})
	c.MaxConns, c.MaxIdleConns = 1, 1
	var all sync.WaitGroup
	defer all.Wait()
	for range 4 {
		all.Go(func() {
			for range 50 {
				if _, _, err := exchange(c, requestOf("GET", nil)); backendStatus(err) != 502 {
					t.Errorf("got %v; want a BackendError with 502", err)
				}
			}
		})
	}
}

// The cases in which a connection must not be used for the next request (F45).
func TestClientNoReuse(t *testing.T) {
	for _, test := range []struct {
		name   string
		answer func(id uint16) string
		late   string // when the client is done with the answer
		closes bool   // then
		get    bool   // a failure of the first request is meant
		setup  func(c *fastcgi.Client)
	}{
		{name: "records behind the end", answer: func(id uint16) string { return whole(id, ok) + stdout(id, "more") }},
		{name: "a byte behind the end", answer: func(id uint16) string { return whole(id, ok) + "\x01" }},
		{name: "records later", answer: func(id uint16) string { return whole(id, ok) }, late: whole(2, "X: stolen\r\n\r\nstolen")},
		{name: "closed later", answer: func(id uint16) string { return whole(id, ok) }, closes: true},
		{name: "overloaded", answer: func(id uint16) string { return end(id, 0, 2) }, get: true},
		{name: "bad head", answer: func(id uint16) string { return stdout(id, "hello\n\n") }, get: true},
		{name: "a body longer than declared", answer: func(id uint16) string { return whole(id, "Content-Length: 1\r\n\r\nab") }},
		{name: "none kept by default", answer: func(id uint16) string { return whole(id, ok) }, setup: func(c *fastcgi.Client) { c.MaxIdleConns = 0 }},
		{name: "none to be kept", answer: func(id uint16) string { return whole(id, ok) }, setup: func(c *fastcgi.Client) { c.MaxIdleConns = -1 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			done, ready := make(chan bool), make(chan bool)
			c := application(t, func(a appConn) {
				call, err := a.request()
				if err != nil {
					return
				}
				if a.number > 1 {
					a.say(whole(call.id, ok))
					return
				}
				a.say(test.answer(call.id))
				<-done
				a.say(test.late)
				if test.closes {
					a.Close()
				}
				close(ready)
				a.hangUp()
			})
			c.MaxIdleConns = 2
			if test.setup != nil {
				test.setup(c)
			}
			if _, _, err := exchange(c, requestOf("GET", nil)); (err != nil) != test.get {
				t.Errorf("the first request: got %v", err)
			}
			close(done)
			<-ready
			// Neither can be sent again: it must not come to that.
			if _, got, err := exchange(c, requestOf("POST", streamed("x"))); got != "ok" || err != nil {
				t.Errorf("the second request: got %q, %v; want ok, over a new connection", got, err)
			}
			if s := c.Stats(); s.Dialed != 2 || s.Retried != 0 {
				t.Errorf("got %+v; want two connections and no retry", s)
			}
		})
	}
}

// A connection that dies with a request on it. It was answered before, so it may have been about to
// end.
func TestClientRetry(t *testing.T) {
	for _, test := range []struct {
		name  string
		r     *gateway.Request
		said  string // before it dies
		again bool
	}{
		{"GET", requestOf("GET", nil), "", true},
		{"PUT of a body in memory", requestOf("PUT", strings.NewReader("body")), "", true},
		{"POST", requestOf("POST", nil), "", false},
		{"PUT of a body that is gone", requestOf("PUT", streamed("body")), "", false},
		{"GET with a byte of an answer", requestOf("GET", nil), "\x01", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			var body atomic.Value
			c := application(t, func(a appConn) {
				call, err := a.request()
				if err != nil {
					return
				}
				body.Store(call.stdin)
				a.say(whole(call.id, ok))
				if _, err := a.request(); err == nil {
					a.say(test.said)
				}
			})
			c.MaxIdleConns = 1
			expectOK(t, c)
			_, got, err := exchange(c, test.r)
			s := c.Stats()
			switch {
			case test.again && (got != "ok" || err != nil || s.Dialed != 2 || s.Retried != 1):
				t.Errorf("got %q, %v, %+v; want the answer of a second connection", got, err, s)
			case !test.again && (backendStatus(err) != 502 || s.Dialed != 1 || s.Retried != 0):
				t.Errorf("got %q, %v, %+v; want a 502", got, err, s)
			case test.r.Stdin != nil && test.again && body.Load() != "body":
				t.Errorf("the second time the body was %q", body.Load())
			}
		})
	}
}

// A request is sent again once, and only where the connection had been kept.
func TestClientRetriesOnce(t *testing.T) {
	c := application(t, func(a appConn) {
		if call, err := a.request(); a.number == 1 && err == nil {
			a.say(whole(call.id, ok))
			a.request()
		}
	})
	c.MaxIdleConns = 1
	expectOK(t, c)
	if _, _, err := exchange(c, requestOf("GET", nil)); backendStatus(err) != 502 || c.Stats().Dialed != 2 {
		t.Errorf("got %v, %+v; want a 502 after one more connection", err, c.Stats())
	}
	if _, _, err := exchange(c, requestOf("GET", nil)); backendStatus(err) != 502 || c.Stats().Dialed != 3 {
		t.Errorf("got %v, %+v; want a 502 at once", err, c.Stats())
	}
}

// With all places taken by idle connections, the second try takes the place of one.
func TestClientRetryUnderMaxConns(t *testing.T) {
	var both sync.WaitGroup
	both.Add(2)
	c := application(t, func(a appConn) {
		call, err := a.request()
		if err != nil {
			return
		}
		if a.number <= 2 {
			both.Done()
			both.Wait()
		}
		a.say(whole(call.id, ok))
		a.request()
	})
	c.MaxConns, c.MaxIdleConns = 2, 2
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { expectOK(t, c) })
	}
	group.Wait()
	expectOK(t, c)
	if s := c.Stats(); s.Dialed != 3 || s.Retried != 1 || s.Idle+s.Active > 2 {
		t.Errorf("got %+v; want a third connection and no more than two open", s)
	}
}

func TestClientMaxConns(t *testing.T) {
	c := application(t, answering)
	c.MaxConns, c.MaxIdleConns = 3, 3
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 50 {
				expectOK(t, c)
			}
		})
	}
	group.Wait()
	if s := c.Stats(); s.Requests != 1000 || s.Dialed > 3 || s.Idle > 3 || s.Active != 0 || s.Waiting != 0 {
		t.Errorf("got %+v; want 1,000 requests over 3 connections", s)
	}
}

// A wait for a connection ends with the context, after WaitTimeout, with a connection, with a
// place, and with the Client.
func TestClientWait(t *testing.T) {
	held := make(chan bool)
	release, over := make(chan bool), make(chan bool)
	wait := func() {
		select {
		case <-release:
		case <-over:
		}
	}
	c := application(t, func(a appConn) {
		for {
			call, err := a.request()
			if err != nil {
				return
			}
			switch call.param("WHAT") {
			case "hold":
				held <- true
				wait()
			case "break":
				held <- true
				wait()
				return
			}
			a.say(whole(call.id, ok))
		}
	})
	c.MaxConns, c.MaxIdleConns = 1, 1
	hold := func(what string) (finished chan bool) {
		finished = make(chan bool)
		go func() {
			defer close(finished)
			exchange(c, requestOf("POST", nil, "WHAT", what))
		}()
		<-held
		return finished
	}
	waiting := func() {
		for c.Stats().Waiting != 1 {
			runtime.Gosched()
		}
	}

	finished := hold("hold")
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		waiting()
		cancel()
	}()
	if _, _, err := exchange(c, requestOf("GET", nil).WithContext(ctx)); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
	c.WaitTimeout = 10 * time.Millisecond
	if _, _, err := exchange(c, requestOf("GET", nil)); backendStatus(err) != 503 {
		t.Errorf("WaitTimeout: got %v; want a 503", err)
	}
	c.WaitTimeout = -1
	go func() {
		waiting()
		release <- true
	}()
	expectOK(t, c) // over the connection
	<-finished

	finished = hold("break")
	go func() {
		waiting()
		release <- true
	}()
	expectOK(t, c) // over a new one
	<-finished

	finished = hold("hold")
	go func() {
		waiting()
		c.Close()
	}()
	if _, _, err := exchange(c, requestOf("GET", nil)); !errors.Is(err, fastcgi.ErrClientClosed) {
		t.Errorf("Close: got %v; want ErrClientClosed", err)
	}
	<-finished
	close(over)
	if s := c.Stats(); s.Active != 0 || s.Idle != 0 || s.Waiting != 0 {
		t.Errorf("got %+v; want nothing left", s)
	}
}

func TestClientMaxIdleConns(t *testing.T) {
	var all sync.WaitGroup
	all.Add(5)
	c := application(t, func(a appConn) {
		call, err := a.request()
		if err != nil {
			return
		}
		all.Done()
		all.Wait()
		a.say(whole(call.id, ok))
		a.hangUp()
	})
	c.MaxIdleConns = 2
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() { expectOK(t, c) })
	}
	group.Wait()
	if s := c.Stats(); s.Dialed != 5 || s.Idle != 2 || s.Active != 0 {
		t.Errorf("got %+v; want 2 idle of 5", s)
	}
}

func TestClientIdleTimeout(t *testing.T) {
	ended := make(chan bool)
	c := application(t, func(a appConn) {
		answering(a)
		ended <- true
	})
	c.MaxIdleConns, c.IdleTimeout = 1, 20*time.Millisecond
	for range 2 {
		expectOK(t, c)
		<-ended
	}
	if s := c.Stats(); s.Dialed != 2 || s.Idle != 0 {
		t.Errorf("got %+v; want two connections that have ended", s)
	}
}

// php-fpm answers no second connection while a process keeps the first: the kept one is given up
// before the second's patience is over.
func TestClientStarvation(t *testing.T) {
	t.Parallel()
	var one sync.Mutex
	first := make(chan bool)
	c := application(t, func(a appConn) {
		one.Lock()
		defer one.Unlock()
		call, err := a.request()
		if err != nil {
			return
		}
		if a.number == 1 {
			close(first)
			a.say(whole(call.id, ok))
			answering(a)
			return
		}
		a.say(whole(call.id, ok))
		answering(a)
	})
	c.MaxIdleConns, c.FirstByteTimeout = 2, 5*time.Second
	var group sync.WaitGroup
	group.Go(func() { expectOK(t, c) })
	<-first
	group.Go(func() { expectOK(t, c) })
	group.Wait()
}

// isClosed reports whether err blames the gateway, because the Client is closed.
func isClosed(err error) bool {
	var ours *gateway.ServerError
	return errors.As(err, &ours) && ours.Status == 503 && errors.Is(err, fastcgi.ErrClientClosed) && backendStatus(err) == 0
}

func TestClientClose(t *testing.T) {
	busy := make(chan bool)
	c := application(t, func(a appConn) {
		a.request()
		close(busy)
		a.hangUp()
	})
	go func() {
		<-busy
		c.Close()
	}()
	for _, when := range []string{"under way", "later"} {
		if _, _, err := exchange(c, requestOf("GET", nil)); !isClosed(err) {
			t.Errorf("%s: got %v; want a ServerError of ErrClientClosed", when, err)
		}
	}
	if s := c.Stats(); s.Active != 0 || s.Idle != 0 {
		t.Errorf("got %+v; want nothing open", s)
	}
}

func TestClientFallback(t *testing.T) {
	c := application(t, answering)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	c.Addr, c.Fallback = l.Addr().String(), []string{"unix:/no/such/socket", c.Addr}
	c.MaxIdleConns = 1
	expectOK(t, c)
	expectOK(t, c)
	if s := c.Stats(); s.Idle != 0 || s.Dialed != 2 {
		t.Errorf("got %+v; want no connection to a fallback to be kept", s)
	}
	c.Fallback = c.Fallback[:1]
	if _, _, err := exchange(c, requestOf("GET", nil)); backendStatus(err) != 502 || !strings.Contains(err.Error(), "/no/such/socket") {
		t.Errorf("got %v; want a 502 that names the last address", err)
	}
}
