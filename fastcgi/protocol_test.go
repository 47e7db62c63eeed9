package fastcgi_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

func TestUnknownRole(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		c.send(begin(2, 2, keepConn), params(2, "A", "b")).refused(2, unknownRole)
		c.send(begin(3, 3, 0)).refused(3, unknownRole)
		// the web server wants the connection to be closed
		c.send(get(4, keepConn, "/")).refused(4, cannotMultiplex)
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
				// within a request, too
				for _, before := range []string{"", begin(1, responder, keepConn)} {
					want := record{typeGetValuesResult, 0, c.want}
					if differs(t, "GET_VALUES") {
						want.content = pairs("FCGI_MPXS_CONNS", "1")
					}
					if got := conn.send(before).ask(c.query); got != want {
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

// TestMalformed checks F1, F4, F9, F21 and F22: the connection is closed, with one line that says
// why. A request under way on another goes on.
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
			{"PARAMS twice", begin(1, responder, 1) + params(1, "A", "b") + rec(typeParams, 1, "x"), "PARAMS of request 1"},
			{"STDIN before PARAMS have ended", begin(1, responder, 1) + rec(typeStdin, 1, "x"), "before the end of its PARAMS"},
			{"GET_VALUES that is no pairs", rec(typeGetValues, 0, "\x09"), "GET_VALUES"},
		} {
			t.Run(c.name, func(t *testing.T) {
				returned := make(chan error, 1)
				srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
					if r.Environ.Get("REQUEST_URI") == "/other" {
						return echo(w, r)
					}
					_, err := io.ReadAll(r.Stdin)
					returned <- err
					return nil
				})
				other := dial(t, srv.addr).send(head(1, keepConn, "REQUEST_URI", "/other"), rec(typeStdin, 1, "be"))
				conn := dial(t, srv.addr).send(c.sent)
				var err error
				for err == nil {
					_, err = conn.read()
				}
				if errors.Is(err, os.ErrDeadlineExceeded) {
					t.Error("the connection is still open")
				}
				if got := body(other.send(rec(typeStdin, 1, "side"), rec(typeStdin, 1, "")).whole(1)); got != "REQUEST_URI=/other\nbeside" {
					t.Errorf("the other connection got %q", got)
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

// TestTruncated cuts a request off at every byte: the next one is served well. A cut within a
// record or before the end of PARAMS is worth a line in the log, once a minute; a body broken off
// is not.
func TestTruncated(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		app := func(w gateway.ResponseWriter, r *gateway.Request) error {
			if _, err := io.ReadAll(r.Stdin); err != nil {
				return err
			}
			return hello(w, r)
		}
		whole := head(1, keepConn, "REQUEST_URI", "/") + padded(typeStdin, 1, "body", "pad") + rec(typeStdin, 1, "")
		endOfParams := len(head(1, keepConn, "REQUEST_URI", "/"))
		for i := range len(whole) {
			srv := startApp(t, app)
			for range 2 {
				checkTruncated(t, srv, whole[:i])
			}
			if got := body(dial(t, srv.addr).send(whole).whole(1)); got != "hello /" {
				t.Errorf("cut at %d: the whole request after it got %q", i, got)
			}
			srv.stop(t)
			if got, worth := srv.log.lines(), i > 0 && i < endOfParams; worth && got == 0 || !worth && got > 0 {
				t.Errorf("cut at %d: logged %q", i, srv.log)
			} else if got > 1 {
				t.Errorf("cut at %d, twice: logged %q; want one line", i, srv.log)
			}
		}
	})
}

// checkTruncated sends a part of a request on a connection that ends then. It must not be answered
// as if it were whole.
func checkTruncated(t *testing.T, srv *server, part string) {
	t.Helper()
	c := dial(t, srv.addr).send(part)
	c.Conn.(*net.UnixConn).CloseWrite()
	for r, err := c.read(); err == nil; r, err = c.read() {
		if strings.Contains(r.content, "hello") {
			t.Errorf("cut at %d: answered as if it were whole: %+v", len(part), r)
		}
	}
	c.Close()
}

// TestIgnored checks F5, F10, F14 and F23: what means nothing changes nothing.
func TestIgnored(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr)
		c.send(rec(typeUnknownType, 0, "12345678"), rec(typeStdin, 9, "x"), rec(typeParams, 9, "x"), rec(typeAbort, 9, ""), rec(99, 9, "x"))
		for _, kind := range []byte{12, 255, typeGetValuesResult} {
			want := record{typeUnknownType, 0, string([]byte{kind, 0, 0, 0, 0, 0, 0, 0})}
			c.send(rec(kind, 0, "what?"))
			if differs(t, "UNKNOWN_TYPE") {
				continue // the next that comes is the answer of the request below
			}
			if got := c.next(); got != want {
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
		text := begin(1, responder, 0) + rec(typeParams, 1, required)
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
		const overflowing = "99999999999999999999"
		for _, pair := range [][]string{{"CONTENT_LENGTH", "-1"}, {"CONTENT_LENGTH", overflowing}, {"", "x"}} {
			want := "Status: 400 "
			if pair[1] == overflowing && differs(t, "CONTENT_LENGTH") {
				want = "Status: 500 "
			}
			a := c.send(head(1, keepConn, pair...), rec(typeStdin, 1, "")).answers(1)[1]
			if !strings.HasPrefix(a.stdout, want) {
				t.Errorf("%q: got %q; want %q (A9, F11)", pair, a.stdout, want)
			}
		}
		if got := body(c.send(head(1, keepConn, "HTTP_PROXY", "evil", "A", "b"), rec(typeStdin, 1, "")).whole(1)); got != "A=b\n" {
			t.Errorf("got %q; want no HTTP_PROXY", got)
		}
	})
}
