package fastcgi_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// TestBodyStalls has a peer that falls silent within a body. The App is told; what else is on the
// connection goes on.
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
		a := c.answers(1)[1]
		if !strings.HasPrefix(a.stdout, "Status: 408 ") || !strings.Contains(a.said(srv), "within ReadTimeout") {
			t.Errorf("got %+v; want 408, and why in the log", a)
		}
		if got := body(c.send(rec(typeStdin, 1, "late"), get(2, keepConn, "/next"), rec(typeStdin, 2, "")).whole(2)); got != "" {
			t.Errorf("the next request got %q", got)
		}
	})
}

// TestTimeouts has peers that fall silent. Each is disconnected; the log says so where it was in
// the middle of something.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		const short = 100 * time.Millisecond // long enough for the client of the test to send on a busy machine
		for _, c := range []struct {
			name, sent string
			server     *fastcgi.Server
			lines      int
		}{
			{"nothing sent", "", &fastcgi.Server{ReadTimeout: short}, 0},
			{"within a header", "\x01\x01\x00", &fastcgi.Server{ReadTimeout: short}, 1},
			{"within a record", get(1, 1, "/")[:10], &fastcgi.Server{ReadTimeout: short}, 1},
			{"within PARAMS", begin(1, responder, keepConn), &fastcgi.Server{ReadTimeout: short}, 1},
			{"idle", get(1, keepConn, "/"), &fastcgi.Server{IdleTimeout: short}, 0},
		} {
			t.Run(c.name, func(t *testing.T) {
				c.server.App = gateway.AppFunc(hello)
				srv := start(t, c.server)
				conn := dial(t, srv.addr)
				if c.sent != "" { // the server may have closed the connection already
					conn.send(c.sent)
				}
				for err := error(nil); err == nil; {
					_, err = conn.read()
					if errors.Is(err, os.ErrDeadlineExceeded) {
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

// TestTimeoutsBeforeARequest has peers that send records, but never a complete request. The timeout
// of a connection that is kept after a request does not apply to them. None of them is logged.
func TestTimeoutsBeforeARequest(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		const short = 50 * time.Millisecond
		for _, c := range []struct{ name, sent string }{
			{"GET_VALUES", rec(typeGetValues, 0, pairs("FCGI_MAX_CONNS", ""))},
			{"unknown management record", rec(99, 0, "x")},
			{"record of a request that is not open", rec(typeStdin, 7, "x")},
			{"request of another role", begin(1, filter, keepConn)},
			{"request that was aborted", begin(1, responder, keepConn) + rec(typeAbort, 1, "")},
			{"several", rec(typeGetValues, 0, "") + rec(99, 0, "") + rec(typeData, 9, "")},
		} {
			for _, server := range []*fastcgi.Server{{ReadTimeout: short}, {IdleTimeout: short}, {ReadTimeout: -1, IdleTimeout: short}} {
				t.Run(fmt.Sprintf("%s/%v/%v", c.name, server.ReadTimeout, server.IdleTimeout), func(t *testing.T) {
					server.App = gateway.AppFunc(hello)
					srv := start(t, server)
					conn := dial(t, srv.addr).send(c.sent)
					for err := error(nil); err == nil; {
						if _, err = conn.read(); errors.Is(err, os.ErrDeadlineExceeded) {
							t.Error("the connection is still open")
						}
					}
					if srv.stop(t); srv.log.lines() != 0 {
						t.Errorf("logged %q", srv.log)
					}
				})
			}
		}
	})
}

// TestKeptConnectionHasNoReadTimeout: how long to keep a connection after a request is the web
// server's choice.
func TestKeptConnectionHasNoReadTimeout(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		const bound = 200 * time.Millisecond
		srv := start(t, &fastcgi.Server{ReadTimeout: bound, App: gateway.AppFunc(hello)})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		c.whole(1)
		<-time.After(2 * bound)        // the time itself is what is tested
		c.send(rec(typeStdin, 9, "x")) // of no request
		<-time.After(2 * bound)
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("got %q", got)
		}
	})
}

// TestSlowParams has a peer that keeps sending variables, a byte at a time: the whole of them is
// bounded.
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
		const bound = 200 * time.Millisecond // in which a busy machine still sends the request
		srv := start(t, &fastcgi.Server{ReadTimeout: bound, IdleTimeout: bound,
			App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				select {
				case <-r.Context().Done():
					return r.Context().Err()
				case <-time.After(2 * bound):
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

// TestWriteTimeoutLastsOnce has a peer that reads nothing: what the system's buffers take does not
// count as progress, whatever the App writes. A test on a busy machine may be late, so that the
// best of several tries counts.
func TestWriteTimeoutLastsOnce(t *testing.T) {
	const bound, tries = time.Second, 4
	for stream, app := range endlessApps(t) {
		for _, network := range []string{"unix", "tcp"} {
			t.Run(network+" "+stream, func(t *testing.T) {
				t.Parallel()
				var took []time.Duration
				for range tries {
					took = append(took, untilGivenUp(t, network, bound, app))
					if last := took[len(took)-1]; last >= bound && last < bound*3/2 {
						return
					}
				}
				t.Errorf("the App's writing failed after %v; want one WriteTimeout, %v", took, bound)
			})
		}
	}
}

// untilGivenUp returns how long an App could write to a peer that reads nothing.
func untilGivenUp(t *testing.T, network string, bound time.Duration, app gateway.AppFunc) time.Duration {
	t.Helper()
	wrote := make(chan time.Duration, 1)
	srv := startOn(t, listenOn(t, network), &fastcgi.Server{WriteTimeout: bound,
		App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			began := time.Now()
			err := app(w, r)
			wrote <- time.Since(began)
			return err
		})})
	c := dial(t, srv.addr).send(get(1, keepConn, "/"))
	defer srv.stop(t)
	defer c.Close()
	return wait(t, wrote, "the failure")
}

// TestSlowReaderIsServed takes a response slowly, but never stops: WriteTimeout bounds the wait and
// not the whole.
func TestSlowReaderIsServed(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		const size, bound = 4 << 20, 400 * time.Millisecond
		srv := start(t, &fastcgi.Server{WriteTimeout: bound,
			App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				_, err := w.Write(make([]byte, size))
				return err
			})})
		c := dial(t, srv.addr).send(get(1, 0, "/"))
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		total, began := 0, time.Now()
		for r, err := c.read(); r.kind != typeEnd; r, err = c.read() {
			if err != nil {
				t.Fatalf("after %d bytes: %v", total, err)
			}
			total += len(r.content)
			<-tick.C
		}
		if took := time.Since(began); total < size || took < bound {
			t.Errorf("got %d bytes in %v; want %d, in more than %v", total, took, size, bound)
		}
	})
}

// TestRequestTimeoutBeginsWithTheApp sends the variables slowly: that is not the App's time.
func TestRequestTimeoutBeginsWithTheApp(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		const bound = 300 * time.Millisecond
		srv := start(t, &fastcgi.Server{RequestTimeout: bound, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			deadline, ok := r.Context().Deadline()
			if left := time.Until(deadline); !ok || left < bound/3 || left > bound {
				t.Errorf("the App has %v left, %t; want nearly %v", left, ok, bound)
			}
			return hello(w, r)
		})})
		c := dial(t, srv.addr).send(begin(1, responder, 0))
		c.ask("") // it has begun
		<-time.After(bound)
		if got := body(c.send(params(1, "REQUEST_URI", "/"), rec(typeStdin, 1, "")).whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
	})
}
