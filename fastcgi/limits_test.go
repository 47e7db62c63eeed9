package fastcgi_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

const (
	complete = iota
	cannotMultiplex
	overloaded
	unknownRole
)

// refused checks that the next record refuses a request.
func (c *client) refused(id uint16, status byte) {
	c.t.Helper()
	want := record{typeEnd, id, string([]byte{0, 0, 0, 0, status, 0, 0, 0})}
	if got := c.next(); got != want {
		c.t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestMaxRequests(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p, MaxRequests: 1})
		first := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		first.send(get(2, keepConn, "/")).refused(2, overloaded)
		second := dial(t, srv.addr).send(get(1, 0, "/"), get(2, 0, "/"))
		second.refused(1, overloaded)
		second.ended()
		close(p.release)
		first.whole(1)
		first.send(get(3, keepConn, "/")).whole(3)
		srv.stop(t)
		if srv.log.lines() != 1 {
			t.Errorf("logged %q; want one line", srv.log)
		}
	})
}

func TestMaxConns(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p, MaxConns: 1})
		first := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		second := dial(t, srv.addr).send(rec(typeGetValues, 0, ""), get(7, keepConn, "/"))
		second.refused(7, overloaded)
		second.ended()
		close(p.release)
		first.whole(1)
	})
}

// TestManyOpenRequests is golang/go#81548: requests whose variables never end. All but 128 are refused.
func TestManyOpenRequests(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr)
		const requests, most = 65535, 128
		go func() {
			for first := 1; first <= requests; first += 1000 {
				var text strings.Builder
				for id := first; id < first+1000 && id <= requests; id++ {
					text.WriteString(begin(uint16(id), responder, keepConn) + rec(typeParams, uint16(id), "\x7f"))
				}
				io.WriteString(c, text.String())
			}
		}()
		for id := most + 1; id <= requests; id++ {
			c.refused(uint16(id), overloaded)
		}
		if got := srv.CurrentRequests(); got != most {
			t.Errorf("%d requests are open; want %d", got, most)
		}
		for id := 1; id <= most; id++ {
			c.send(rec(typeAbort, uint16(id), "")).refused(uint16(id), complete)
		}
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
	})
}

// TestParamsOverTheirBounds checks that a request with too many or too large variables is answered when they have ended (F9, F22), and
// that the connection goes on.
func TestParamsOverTheirBounds(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), MaxParamsBytes: 1000, MaxParams: 20})
		c := dial(t, srv.addr)
		for _, raw := range []string{
			pairs("A", strings.Repeat("x", 1000)),
			strings.Repeat("\x00\x01x", 21),
			strings.Repeat("x", 65535), // not even pairs
		} {
			c.send(begin(1, responder, keepConn))
			for rest := raw; rest != ""; {
				n := min(len(rest), 600)
				c.send(rec(typeParams, 1, rest[:n]))
				rest = rest[n:]
			}
			got := c.send(rec(typeGetValues, 0, "")).next() // what comes first was not held back
			if got.kind != typeGetValuesResult {
				t.Errorf("%.20q: got %+v before the variables had ended", raw, got)
			}
			out := c.send(rec(typeParams, 1, ""), rec(typeStdin, 1, "")).whole(1)
			if !strings.HasPrefix(out, "Status: 431 ") {
				t.Errorf("%.20q: got %q; want 431", raw, out)
			}
		}
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
		if srv.log.lines() != 1 {
			t.Errorf("logged %q; want one line", srv.log)
		}
	})
}

// TestParamsOfAConnection fills the requests of one connection up to their common bound.
func TestParamsOfAConnection(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), MaxParamsBytes: 1000})
		c := dial(t, srv.addr)
		for id := uint16(1); id <= 16; id++ {
			c.send(begin(id, responder, keepConn), rec(typeParams, id, strings.Repeat("x", 1000)))
		}
		c.send(begin(17, responder, keepConn), rec(typeParams, 17, "x")).refused(17, overloaded)
		c.send(rec(typeAbort, 1, "")).refused(1, complete)
		if got := body(c.send(get(18, keepConn, "/next")).whole(18)); got != "hello /next" {
			t.Errorf("with room again: got %q", got)
		}
	})
}

func TestNoBounds(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(echo), MaxParamsBytes: -1, MaxParams: -1, ReadTimeout: -1, WriteTimeout: -1})
		text := begin(1, responder, 0)
		for range 10 {
			text += rec(typeParams, 1, strings.Repeat(pairs("A", strings.Repeat("x", 200)), 300))
		}
		got := dial(t, srv.addr).send(text, rec(typeParams, 1, ""), rec(typeStdin, 1, "")).whole(1)
		if n := strings.Count(got, "A=x"); n != 3000 {
			t.Errorf("got %d variables; want 3000", n)
		}
	})
}

func TestMaxBodyBytes(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{MaxBodyBytes: 4, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.Copy(w, r.Stdin)
			return err
		})})
		for _, c := range []struct{ length, body, want string }{
			{"4", "body", "Status: 200 "}, {"5", "body5", "Status: 413 "}, {"", "body", "Status: 200 "}, {"", "body5", "Status: 413 "},
		} {
			a := dial(t, srv.addr).send(head(1, 0, "CONTENT_LENGTH", c.length), rec(typeStdin, 1, c.body), rec(typeStdin, 1, "")).answers(1)[1]
			if !strings.HasPrefix(a.stdout, c.want) {
				t.Errorf("%q of length %q: got %q; want %q", c.body, c.length, a.stdout, c.want)
			}
		}
	})
}

func TestAllowedPeers(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := startOn(t, l, &fastcgi.Server{App: gateway.AppFunc(hello), AllowedPeers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		if r, err := dial(t, srv.addr).read(); err == nil {
			t.Errorf("got %+v; want no connection", r)
		}
	})
}

func TestAllowedUIDs(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), AllowedUIDs: []int{os.Getuid() + 1}})
		if r, err := dial(t, srv.addr).read(); !errors.Is(err, io.EOF) && !gateway.PeerGone(err) {
			t.Errorf("got %+v, %v; want no connection", r, err)
		}
	})
}

// TestBodyStalls has a peer that falls silent within a body. The App is told; what else is on the connection goes on.
func TestBodyStalls(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		returned := make(chan error, 1)
		srv := start(t, &fastcgi.Server{ReadTimeout: 20 * time.Millisecond, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.ReadAll(r.Stdin)
			returned <- err
			return err
		})})
		c := dial(t, srv.addr).send(head(1, keepConn, "A", "wait"), rec(typeStdin, 1, "half"))
		if err := wait(t, returned, "the App"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the App read %v; want io.ErrUnexpectedEOF", err)
		}
		if onStdServer(t) { // which has but one reader
			c.ended()
			return
		}
		a := c.answers(1)[1]
		if !strings.HasPrefix(a.stdout, "Status: 500 ") || !strings.Contains(a.stderr, "within ReadTimeout") {
			t.Errorf("got %+v; want the error page, and why in the web server's log", a)
		}
		if got := body(c.send(rec(typeStdin, 1, "late"), get(2, keepConn, "/next"), rec(typeStdin, 2, "")).whole(2)); got != "" {
			t.Errorf("the next request got %q", got)
		}
	})
}

// TestTimeouts has peers that fall silent. Each is disconnected; the log says so where it was in the middle of something.
func TestTimeouts(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		for _, c := range []struct {
			name, sent string
			server     *fastcgi.Server
			lines      int
		}{
			{"nothing sent", "", &fastcgi.Server{ReadTimeout: 20 * time.Millisecond}, 0},
			{"within a header", "\x01\x01\x00", &fastcgi.Server{ReadTimeout: 20 * time.Millisecond}, 1},
			{"within a record", get(1, 1, "/")[:10], &fastcgi.Server{ReadTimeout: 20 * time.Millisecond}, 1},
			{"within PARAMS", begin(1, responder, keepConn), &fastcgi.Server{ReadTimeout: 20 * time.Millisecond}, 1},
			{"idle", get(1, keepConn, "/"), &fastcgi.Server{IdleTimeout: 20 * time.Millisecond}, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.server.App = gateway.AppFunc(hello)
				srv := start(t, c.server)
				conn := dial(t, srv.addr).send(c.sent)
				for err := error(nil); err == nil; {
					_, err = conn.read()
					if errors.Is(err, context.DeadlineExceeded) {
						t.Error("the connection is still open")
					}
				}
				srv.stop(t)
				if srv.log.lines() != c.lines {
					t.Errorf("logged %q; want %d lines", srv.log, c.lines)
				}
			})
		}
	})
}

// TestSlowParams has a peer that keeps sending variables, a byte at a time: the whole of them is bounded.
func TestSlowParams(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), ReadTimeout: 50 * time.Millisecond})
		c := dial(t, srv.addr).send(begin(1, responder, keepConn))
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(c, rec(typeParams, 1, "\x00\x00")); err != nil {
				break // by patience at the latest
			}
		}
		if srv.stop(t); !strings.Contains(srv.log.String(), "ReadTimeout") {
			t.Errorf("logged %q; want the reason", srv.log)
		}
	})
}

// TestQuietAppIsNotIdle checks that neither bound ends a request whose App takes its time.
func TestQuietAppIsNotIdle(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{ReadTimeout: 10 * time.Millisecond, IdleTimeout: 10 * time.Millisecond,
			App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				select {
				case <-r.Context().Done():
					return r.Context().Err()
				case <-time.After(60 * time.Millisecond):
					return hello(w, r)
				}
			})})
		if got := body(dial(t, srv.addr).send(get(1, keepConn, "/")).whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
	})
}

// TestWriteTimeout has a peer that reads nothing of a large response.
func TestWriteTimeout(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		failed := make(chan error, 1)
		srv := start(t, &fastcgi.Server{WriteTimeout: 50 * time.Millisecond,
			App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				block := make([]byte, 1<<20)
				for {
					if _, err := w.Write(block); err != nil {
						failed <- err
						return err
					}
				}
			})})
		dial(t, srv.addr).send(get(1, keepConn, "/"))
		if err := wait(t, failed, "the failure"); err == nil {
			t.Error("no error")
		}
		srv.stop(t)
		if srv.log.lines() != 1 || !strings.Contains(srv.log.String(), "WriteTimeout") {
			t.Errorf("logged %q; want one line", srv.log)
		}
	})
}

// TestSlowReaderIsServed takes a response slowly, but never stops: WriteTimeout bounds the wait and not the whole.
func TestSlowReaderIsServed(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		const size = 4 << 20
		srv := start(t, &fastcgi.Server{WriteTimeout: 100 * time.Millisecond,
			App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				_, err := w.Write(make([]byte, size))
				return err
			})})
		c := dial(t, srv.addr).send(get(1, 0, "/"))
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		total := 0
		for r, err := c.read(); r.kind != typeEnd; r, err = c.read() {
			if err != nil {
				t.Fatalf("after %d bytes: %v", total, err)
			}
			total += len(r.content)
			<-tick.C
		}
		if total < size {
			t.Errorf("got %d bytes; want %d", total, size)
		}
	})
}

func TestUnknownRole(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		c.send(begin(2, 2, keepConn), params(2, "A", "b")).refused(2, unknownRole)
		c.send(begin(3, 3, 0)).refused(3, unknownRole)
		c.send(get(4, keepConn, "/")).refused(4, cannotMultiplex) // the web server wants the connection to be closed
		close(p.release)
		c.whole(1)
		c.ended()
	})
}

// TestGetValues checks F12, F13 and F15.
func TestGetValues(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		for _, c := range []struct {
			name   string
			server *fastcgi.Server
			query  string
			want   string
		}{
			{"all", &fastcgi.Server{}, pairs("FCGI_MAX_CONNS", "", "FCGI_MAX_REQS", "", "FCGI_MPXS_CONNS", ""),
				pairs("FCGI_MAX_CONNS", "2147483647", "FCGI_MAX_REQS", "2147483647", "FCGI_MPXS_CONNS", "1")},
			{"with limits", &fastcgi.Server{MaxConns: 3, MaxRequests: 5}, pairs("FCGI_MAX_REQS", "", "FCGI_MAX_CONNS", ""),
				pairs("FCGI_MAX_REQS", "5", "FCGI_MAX_CONNS", "3")},
			{"of one connection", &fastcgi.Server{MaxConns: 3}, pairs("FCGI_MAX_REQS", ""), pairs("FCGI_MAX_REQS", "384")},
			{"unknown names", &fastcgi.Server{}, pairs("FCGI_X", "", "FCGI_MPXS_CONNS", "what"), pairs("FCGI_MPXS_CONNS", "1")},
			{"repeated", &fastcgi.Server{}, strings.Repeat(pairs("FCGI_MPXS_CONNS", ""), 3000), pairs("FCGI_MPXS_CONNS", "1")},
			{"none", &fastcgi.Server{}, "", ""},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.server.App = gateway.AppFunc(hello)
				srv := start(t, c.server)
				conn := dial(t, srv.addr)
				for _, before := range []string{"", begin(1, responder, keepConn)} { // within a request, too
					got := conn.send(before, rec(typeGetValues, 0, c.query)).next()
					if want := (record{typeGetValuesResult, 0, c.want}); got != want {
						t.Errorf("got %+v; want %+v", got, want)
					}
				}
				if got := body(conn.send(params(1, "REQUEST_URI", "/"), rec(typeStdin, 1, "")).whole(1)); got != "hello /" {
					t.Errorf("the request got %q", got)
				}
			})
		}
	})
}

// TestMalformed checks F1, F4, F9, F21 and F22: the connection is closed, with one line that says why.
func TestMalformed(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		for _, c := range []struct{ name, sent, reason string }{
			{"another version", "\x02" + get(1, 0, "/")[1:], "version 2"},
			{"no FastCGI at all", "GET / HTTP/1.1\r\n\r\n", "version 71"},
			{"short BEGIN_REQUEST", rec(typeBegin, 1, "\x00\x01"), "BEGIN_REQUEST of 2 bytes"},
			{"request begun twice", begin(1, responder, 1) + begin(1, responder, 1), "begun again"},
			{"BEGIN_REQUEST for request 0", begin(0, responder, 1), "request 0"},
			{"STDIN for request 0", rec(typeStdin, 0, "x"), "request 0"},
			{"pair beyond the end", begin(1, responder, 1) + params(1, "A", "b") + begin(2, responder, 1) + rec(typeParams, 2, "\x05\x05a") +
				rec(typeParams, 2, ""), "request 2: fastcgi: pair of 5 and 5 bytes"},
			{"overflowing lengths", begin(1, responder, 1) + rec(typeParams, 1, "\xff\xff\xff\xff\xff\xff\xff\xff") + rec(typeParams, 1, ""), "2147483647"},
			{"half a length", begin(1, responder, 1) + rec(typeParams, 1, "\x01\x80\x00") + rec(typeParams, 1, ""), "value length"},
			{"PARAMS twice", begin(1, responder, 1) + params(1, "A", "b") + rec(typeParams, 1, "x"), "behind their end"},
			{"STDIN before PARAMS have ended", begin(1, responder, 1) + rec(typeStdin, 1, "x"), "before the end of its PARAMS"},
			{"GET_VALUES that is no pairs", rec(typeGetValues, 0, "\x09"), "GET_VALUES"},
		} {
			t.Run(c.name, func(t *testing.T) {
				returned := make(chan error, 1)
				srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
					_, err := io.ReadAll(r.Stdin)
					returned <- err
					return nil
				})
				conn := dial(t, srv.addr).send(c.sent)
				var err error
				for err == nil {
					_, err = conn.read()
				}
				if errors.Is(err, context.DeadlineExceeded) {
					t.Error("the connection is still open")
				}
				srv.stop(t)
				if srv.log.lines() != 1 || !strings.Contains(srv.log.String(), c.reason) {
					t.Errorf("logged %q; want one line with %q", srv.log, c.reason)
				}
				if len(returned) > 0 {
					if err := <-returned; err == nil {
						t.Error("the App took its body for whole")
					}
				}
			})
		}
	})
}

// TestTruncated cuts a request off at every byte: whoever is served next is served well.
func TestTruncated(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if _, err := io.ReadAll(r.Stdin); err != nil {
				return err
			}
			return hello(w, r)
		})
		whole := head(1, keepConn, "REQUEST_URI", "/") + padded(typeStdin, 1, "body", "pad") + rec(typeStdin, 1, "")
		for i := range len(whole) {
			c := dial(t, srv.addr).send(whole[:i])
			c.Conn.(*net.UnixConn).CloseWrite()
			answer := record{}
			for r, err := c.read(); err == nil; r, err = c.read() {
				answer = r
			}
			if answer.kind == typeEnd && strings.Contains(answer.content, "hello") {
				t.Errorf("cut at %d: answered as if it were whole", i)
			}
		}
		if got := body(dial(t, srv.addr).send(whole).whole(1)); got != "hello /" {
			t.Errorf("the whole request got %q", got)
		}
		srv.stop(t)
		// Every cut within a record or before the end of PARAMS is worth a line; a body broken off is not.
		endOfParams := len(head(1, keepConn, "REQUEST_URI", "/"))
		if got := srv.log.lines(); got != endOfParams-1 {
			t.Errorf("%d lines were logged; want %d:\n%s", got, endOfParams-1, srv.log)
		}
	})
}

// TestIgnored checks F5, F10, F14 and F23: what means nothing changes nothing.
func TestIgnored(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr)
		c.send(rec(typeUnknownType, 0, "12345678"), rec(typeStdin, 9, "x"), rec(typeParams, 9, "x"), rec(typeAbort, 9, ""), rec(99, 9, "x"))
		for _, kind := range []byte{12, 255, typeGetValuesResult} {
			want := record{typeUnknownType, 0, string([]byte{kind, 0, 0, 0, 0, 0, 0, 0})}
			if got := c.send(rec(kind, 0, "what?")).next(); got != want {
				t.Errorf("type %d: got %+v; want %+v", kind, got, want)
			}
		}
		c.send(begin(1, responder, keepConn), rec(99, 1, "x"), params(1, "REQUEST_URI", "/"), rec(typeData, 1, "x"), rec(typeStdout, 1, "x"),
			rec(typeGetValues, 1, "x"), rec(typeStdin, 1, ""), rec(typeStdin, 1, "more"))
		if got := body(c.whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
		if srv.log.lines() != 0 {
			t.Errorf("logged %q", srv.log)
		}
	})
}

// TestParamsInPieces checks F6: pairs pay no heed to records.
func TestParamsInPieces(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, echo)
		want := "A=1\nLONG=" + strings.Repeat("v", 200) + "\n"
		text := begin(1, responder, 0)
		for _, b := range []byte(pairs("A", "1", "LONG", strings.Repeat("v", 200))) {
			text += padded(typeParams, 1, string([]byte{b}), "padding")
		}
		if got := body(dial(t, srv.addr).send(text, rec(typeParams, 1, ""), rec(typeStdin, 1, "")).whole(1)); got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
	})
}

// TestBadEnviron is for App-level rules of the environ: 400, and the connection goes on.
func TestBadEnviron(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, echo)
		c := dial(t, srv.addr)
		for _, pair := range [][]string{{"CONTENT_LENGTH", "-1"}, {"CONTENT_LENGTH", "99999999999999999999"}, {"", "x"}} {
			a := c.send(head(1, keepConn, pair...), rec(typeStdin, 1, "")).answers(1)[1]
			if !strings.HasPrefix(a.stdout, "Status: 400 ") {
				t.Errorf("%q: got %q; want 400 (A9, F11)", pair, a.stdout)
			}
		}
		if got := body(c.send(head(1, keepConn, "HTTP_PROXY", "evil", "A", "b"), rec(typeStdin, 1, "")).whole(1)); got != "A=b\n" {
			t.Errorf("got %q; want no HTTP_PROXY", got)
		}
	})
}
