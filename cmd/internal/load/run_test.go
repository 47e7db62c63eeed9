package load

import (
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const request = "GET / HTTP/1.1\r\n\r\n"

// listen serves each connection by handle until the test ends, and returns the address.
func listen(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			group.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		group.Wait()
	})
	return l.Addr().String()
}

// answer answers requests of HTTP with a text each, as long as next returns one.
func answer(next func() string) func(net.Conn) {
	return func(c net.Conn) {
		for buf := make([]byte, len(request)); ; {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			text := next()
			if text == "" {
				return
			}
			if _, err := io.WriteString(c, text); err != nil {
				return
			}
		}
	}
}

// onBoth runs a test over the system's network and over package net's.
func onBoth(t *testing.T, test func(t *testing.T, plan func(addr string) *Plan)) {
	for _, portable := range []bool{false, true} {
		name := map[bool]string{false: "system", true: "net"}[portable]
		t.Run(name, func(t *testing.T) {
			test(t, func(addr string) *Plan {
				p := &Plan{
					Network: "tcp", Addr: addr, Requests: [][]byte{[]byte(request)}, Decoder: func() Decoder { return new(HTTP) },
					Conns: 3, Timeout: time.Minute,
				}
				if portable {
					p.Connect = func(ctx context.Context) (net.Conn, error) { return new(net.Dialer).DialContext(ctx, "tcp", addr) }
				}
				return p
			})
		})
	}
}

func mustRun(t *testing.T, p *Plan) *Result {
	t.Helper()
	r, err := p.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestCount: each request is sent and counted once, over kept connections and over new ones.
func TestCount(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		for _, noKeep := range []bool{false, true} {
			var served atomic.Int64
			p := plan(listen(t, answer(func() string { served.Add(1); return httpHead + "hello" })))
			p.Count, p.NoKeep = 100, noKeep
			r := mustRun(t, p)
			if r.OK != 100 || r.Failed() != 0 || served.Load() != 100 || r.Statuses[200] != 100 || r.Bytes != 500 || r.Latency.TotalCount() != 100 {
				t.Errorf("no keep %v: %+v, %d served", noKeep, r, served.Load())
			}
			if noKeep && r.Connects != 100 || !noKeep && r.Connects != 3 {
				t.Errorf("no keep %v: %d connections", noKeep, r.Connects)
			}
		}
	})
}

// TestErrors: what is wrong is counted by kind, and is no success.
func TestErrors(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		for _, c := range []struct{ sent, kind string }{
			{"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "status 503"},
			{"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\nhello", KindShort},
			{"", KindClosed},
			{"hello", KindHTTP},
			{"HTTP/1.1 2", KindCut},
		} {
			addr := listen(t, func(conn net.Conn) {
				for buf := make([]byte, len(request)); ; {
					if _, err := io.ReadFull(conn, buf); err != nil {
						return
					}
					if io.WriteString(conn, c.sent); !strings.HasPrefix(c.kind, "status") {
						return
					}
				}
			})
			p := plan(addr)
			p.Count = 20
			r := mustRun(t, p)
			if r.OK != 0 || r.Errors[c.kind] != 20 || r.Latency.TotalCount() != 0 || len(r.Errors) != 1 {
				t.Errorf("%q: %d right, errors %v; want 20 of %q", c.sent, r.OK, r.Errors, c.kind)
			}
		}
	})
}

// TestRefused: a port without a server does not make the loader spin.
func TestRefused(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		p := plan(l.Addr().String())
		p.Count = 6
		if r := mustRun(t, p); r.Failed() != 6 || r.OK != 0 || r.Connects != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// TestSentAgain: a request that the server has not seen, since it closed the kept connection, is
// sent again and is no error.
func TestSentAgain(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		p := plan(listen(t, func(c net.Conn) {
			once := false
			answer(func() string {
				if once {
					return ""
				}
				once = true
				return httpHead + "hello"
			})(c)
		}))
		p.Conns, p.Count = 1, 10
		if r := mustRun(t, p); r.OK != 10 || r.Failed() != 0 || r.Closed != 9 || r.Again != 9 {
			t.Errorf("%d right, errors %v, closed %d, again %d", r.OK, r.Errors, r.Closed, r.Again)
		}
	})
}

// TestTimeout: a server that accepts and is silent, and one whose answer has no end.
func TestTimeout(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		for _, sent := range []string{"", "HTTP/1.1 200 OK\r\n\r\nhello"} {
			p := plan(listen(t, func(c net.Conn) {
				io.ReadFull(c, make([]byte, len(request)))
				io.WriteString(c, sent)
				io.Copy(io.Discard, c)
			}))
			p.Count, p.Conns, p.Timeout = 2, 2, 50*time.Millisecond
			r := mustRun(t, p)
			late := r.Errors[KindUnended] // none of them if the machine is too busy
			if sent == "" && late > 0 || r.OK != 0 || late+r.Errors[KindTimeout] != 2 || r.Starved != 2 {
				t.Errorf("sent %q: errors %v, %d without an answer", sent, r.Errors, r.Starved)
			}
		}
	})
}

// TestOpenLoop: a latency counts from when the request was due, however late it could be sent.
func TestOpenLoop(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		const delay = 20 * time.Millisecond
		p := plan(listen(t, answer(func() string {
			<-time.After(delay) // the work of the application
			return httpHead + "hello"
		})))
		p.Conns, p.Count, p.Rate = 1, 5, 1e6
		r := mustRun(t, p)
		// All five are due at once, and wait for each other.
		if least := int64(5 * delay * 9 / 10); r.OK != 5 || r.Latency.Max() < least {
			t.Errorf("%d right, longest latency %v; want at least %v", r.OK, time.Duration(r.Latency.Max()), time.Duration(least))
		}
	})
}

// TestContextEnds: what is there by then is returned.
func TestContextEnds(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var served atomic.Int64
		p := plan(listen(t, answer(func() string {
			if served.Add(1) == 10 {
				cancel()
			}
			return httpHead + "hello"
		})))
		p.Span = time.Hour
		r, err := p.Run(ctx)
		if err != nil || r.OK < 7 || r.OK > served.Load() {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestWarmup: what came before the measurement is not counted.
func TestWarmup(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		var served atomic.Int64
		p := plan(listen(t, answer(func() string { served.Add(1); return httpHead + "hello" })))
		p.Conns, p.Count, p.Warmup = 1, 5, 300*time.Millisecond
		if r := mustRun(t, p); r.OK != 5 || r.Failed() != 0 || served.Load() < 6 {
			t.Errorf("%d counted of %d", r.OK, served.Load())
		}
	})
}

// TestStreams: several requests are under way on one FastCGI connection.
func TestStreams(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		p := plan(listen(t, func(c net.Conn) {
			for buf := make([]byte, 2); ; { // a request is one byte: its id
				if _, err := io.ReadFull(c, buf); err != nil {
					return
				}
				a, b := response(uint16(buf[1]), okHead+"b"), response(uint16(buf[0]), okHead+"a")
				if _, err := io.WriteString(c, a+b); err != nil {
					return
				}
			}
		}))
		p.Requests, p.Decoder = [][]byte{{1}, {2}}, func() Decoder { return NewFastCGI(2) }
		p.Conns, p.Count = 1, 20
		if r := mustRun(t, p); r.OK != 20 || r.Connects != 1 || r.Bytes != 20 {
			t.Errorf("%d right, errors %v, %d connections", r.OK, r.Errors, r.Connects)
		}
	})
}

// TestLargeRequest: a request that no buffer holds arrives whole, again and again.
func TestLargeRequest(t *testing.T) {
	onBoth(t, func(t *testing.T, plan func(string) *Plan) {
		const size = 8 << 20
		p := plan(listen(t, func(c net.Conn) {
			for {
				if n, err := io.Copy(io.Discard, io.LimitReader(c, size)); err != nil || n < size {
					return
				}
				if _, err := io.WriteString(c, httpHead+"hello"); err != nil {
					return
				}
			}
		}))
		p.Requests, p.Conns, p.Count = [][]byte{make([]byte, size)}, 2, 4
		if r := mustRun(t, p); r.OK != 4 {
			t.Errorf("%d right, errors %v", r.OK, r.Errors)
		}
	})
}

func TestPlanIsChecked(t *testing.T) {
	for _, p := range []*Plan{{}, {Conns: 1, Count: 1, Timeout: time.Second}, {Conns: 1, Requests: [][]byte{{1}}, Timeout: time.Second}} {
		if _, err := p.Run(t.Context()); err == nil {
			t.Errorf("%+v ran", p)
		}
	}
}

// TestResultAdd: two results are one.
func TestResultAdd(t *testing.T) {
	a, b := NewResult(), NewResult()
	a.addAnswer(Answer{Status: 200, Size: 3}, time.Second, time.Second, true)
	b.addAnswer(Answer{Status: 500, AppStatus: 1}, time.Second, time.Second, true)
	a.flush()
	b.flush()
	a.Rated, b.Rated = time.Second, time.Second
	a.Add(b)
	if a.OK != 1 || a.Failed() != 1 || a.Ended() != 2 || a.PerSecond() != 0.5 || a.AppStatus != 1 || a.Statuses[500] != 1 {
		t.Errorf("%+v", a)
	}
}
