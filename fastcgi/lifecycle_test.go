package fastcgi_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// wait fails the test when nothing comes out of ch.
func wait[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	select {
	case v := <-ch:
		return v
	case <-ctx.Done():
		t.Fatalf("waited in vain for %s", what)
	}
	panic("not reached")
}

// parked is an App that reports when it was called, and waits until it may answer or its context
// ends. Then it returns that error, which the test can read too.
type parked struct {
	called, release chan struct{}
	returned        chan error
}

func park() *parked {
	return &parked{make(chan struct{}, 10), make(chan struct{}), make(chan error, 10)}
}

func (p *parked) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	p.called <- struct{}{}
	err := func() error {
		select {
		case <-p.release:
			return hello(w, r)
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}()
	p.returned <- err
	return err
}

// TestKeepConn checks F17: the web server decides which side closes the connection.
func TestKeepConn(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr)
		for i := range 3 {
			path := fmt.Sprint("/", i)
			if got := body(c.send(get(65535, keepConn, path)).whole(65535)); got != "hello "+path {
				t.Errorf("request %d on the connection got %q", i, got)
			}
		}
		c.send(get(1, 0, "/last")).whole(1)
		c.ended()
		if got := srv.Stats(); got.Accepted != 1 {
			t.Errorf("Stats %+v; want 1 connection", got)
		}
	})
}

// TestMultiplexing checks F32: a request is answered while another of its connection waits.
func TestMultiplexing(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("REQUEST_URI") == "/slow" {
				return p.ServeGateway(w, r)
			}
			return hello(w, r)
		})
		c := dial(t, srv.addr).send(
			begin(7, responder, keepConn), begin(8, responder, keepConn),
			rec(typeParams, 7, required+pairs("REQUEST_URI", "/slow")), rec(typeParams, 8, required+pairs("REQUEST_URI", "/fast")),
			rec(typeParams, 8, ""), rec(typeParams, 7, ""), rec(typeStdin, 7, ""), rec(typeStdin, 8, ""))
		if got := body(c.whole(8)); got != "hello /fast" {
			t.Errorf("the fast request got %q", got)
		}
		close(p.release)
		if got := body(c.whole(7)); got != "hello /slow" {
			t.Errorf("the slow request got %q", got)
		}
	})
}

// TestUnreadBodyHoldsUpNobody checks F32 for a body that no App reads.
func TestUnreadBodyHoldsUpNobody(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("REQUEST_URI") == "/slow" {
				return p.ServeGateway(w, r)
			}
			return hello(w, r)
		})
		c := dial(t, srv.addr).send(head(1, keepConn, "REQUEST_URI", "/slow"), strings.Repeat(rec(typeStdin, 1, strings.Repeat("x", 20_000)), 4),
			get(2, keepConn, "/fast"))
		abort := func() {
			c.send(rec(typeAbort, 1, ""))
			if err := wait(t, p.returned, "the end of the context"); err != context.Canceled {
				t.Errorf("the App saw %v", err)
			}
		}
		if differs(t, "unread body") {
			abort()
			if got := body(c.answers(2)[2].stdout); got != "hello /fast" {
				t.Errorf("when the other request has ended: got %q", got)
			}
			return
		}
		if got := body(c.whole(2)); got != "hello /fast" {
			t.Errorf("got %q", got)
		}
		abort()
	})
}

// TestAbort checks F18: END_REQUEST comes at once, the context ends, and the id is free, whatever
// the App still does. That of nethttp waits for the App, see the test of that name there.
func TestAbort(t *testing.T) {
	entered, noticed, release := make(chan struct{}), make(chan error, 1), make(chan struct{})
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		if r.Environ.Get("REQUEST_URI") != "/first" {
			return hello(w, r)
		}
		close(entered)
		<-r.Context().Done()
		<-release
		io.WriteString(w, "too late")
		_, err := io.WriteString(r.Stderr, "too late")
		noticed <- errors.Join(err, w.Flush())
		return nil
	})
	c := dial(t, srv.addr).send(get(9, keepConn, "/first"))
	wait(t, entered, "the App")
	c.send(rec(typeAbort, 9, ""))
	if got := c.whole(9); got != "" {
		t.Errorf("an aborted request got %q", got)
	}
	if got := body(c.send(get(9, keepConn, "/second")).whole(9)); got != "hello /second" {
		t.Errorf("the next request of that id got %q", got)
	}
	close(release)
	if err := wait(t, noticed, "the App"); !gateway.PeerGone(err) {
		t.Errorf("the App's writes gave %v; want an error that says that nobody is there", err)
	}
	if got := body(c.send(get(9, keepConn, "/third")).whole(9)); got != "hello /third" {
		t.Errorf("the request after that got %q", got)
	}
}

// TestAbortBeforeTheApp aborts a request whose variables are not complete: then no stream may be
// ended either (F22).
func TestAbortBeforeTheApp(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr).send(begin(1, responder, keepConn), rec(typeParams, 1, "\x01"), rec(typeAbort, 1, ""))
		if r := c.next(); r.kind != typeEnd || r.content != "\x00\x00\x00\x00\x00\x00\x00\x00" {
			t.Errorf("got %+v; want END_REQUEST alone", r)
		}
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
		c.send(begin(2, responder, 0), rec(typeAbort, 2, "")).next()
		c.ended()
	})
}

// TestAbortWithinTheBody checks that a body broken off is an error, and one that costs no log line.
func TestAbortWithinTheBody(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		for _, how := range []string{"abort", "close"} {
			t.Run(how, func(t *testing.T) {
				read, failed := make(chan struct{}), make(chan error, 1)
				srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
					io.ReadFull(r.Stdin, make([]byte, 4))
					close(read)
					_, err := io.ReadAll(r.Stdin)
					failed <- err
					return err
				})
				c := dial(t, srv.addr).send(head(1, keepConn), rec(typeStdin, 1, "part"))
				wait(t, read, "the first bytes")
				if how == "abort" {
					c.send(rec(typeAbort, 1, "")).whole(1)
				} else {
					c.Close()
				}
				if err := wait(t, failed, "the end of the body"); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("got %v; want io.ErrUnexpectedEOF", err)
				}
				srv.stop(t)
				if srv.log.lines() != 0 {
					t.Errorf("logged %q", srv.log)
				}
			})
		}
	})
}

// TestCloseEndsTheContext closes the connection of a request that is complete, as nginx does when
// its client goes away.
func TestCloseEndsTheContext(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		c.Close()
		if err := wait(t, p.returned, "the end of the context"); err != context.Canceled {
			t.Errorf("got %v", err)
		}
		srv.stop(t)
		if srv.log.lines() != 0 {
			t.Errorf("logged %q", srv.log)
		}
	})
}

// TestPanicAfterTheClientLeft: STDERR cannot be sent then, and is logged.
func TestPanicAfterTheClientLeft(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		entered := make(chan struct{})
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			close(entered)
			<-r.Context().Done()
			panic("oops")
		})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, entered, "the App")
		c.send(rec(typeAbort, 1, "")).whole(1)
		srv.stop(t)
		// Close does not wait for the App.
		waitUntil(t, "the panic in the log", func() bool { return strings.Contains(srv.log.String(), "oops") })
	})
}

// TestHalfClose has a client that closes its sending side when it has sent its request.
func TestHalfClose(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		c.Conn.(*net.UnixConn).CloseWrite()
		if got := body(c.whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
		c.ended()
	})
}

func TestBody(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			got, err := io.ReadAll(r.Stdin)
			_, werr := fmt.Fprintf(w, "%s %v", got, err)
			return werr
		})
		for _, c := range []struct{ name, length, body, want string }{
			{"exact", "4", "body", "body <nil>"},
			{"of unknown length (F27)", "", "body", "body <nil>"},
			{"longer than declared (F26)", "4", "bodyandmore", "body <nil>"},
			{"shorter than declared (F26)", "9", "body", "body unexpected EOF"},
			{"none", "", "", " <nil>"},
		} {
			t.Run(c.name, func(t *testing.T) {
				text := head(1, 0, "CONTENT_LENGTH", c.length)
				for _, b := range c.body {
					text += rec(typeStdin, 1, string(b))
				}
				if got := body(dial(t, srv.addr).send(text, rec(typeStdin, 1, "")).whole(1)); got != c.want {
					t.Errorf("got %q; want %q", got, c.want)
				}
			})
		}
	})
}

// TestUnreadBody checks F23 on a kept connection: the rest of a body that the App left is dropped.
func TestUnreadBody(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr)
		go func() {
			io.WriteString(c, head(1, keepConn, "REQUEST_URI", "/post")+strings.Repeat(rec(typeStdin, 1, strings.Repeat("x", 65535)), 20)+
				rec(typeStdin, 1, "")+get(2, keepConn, "/next"))
		}()
		all := c.answers(2)
		if body(all[1].stdout) != "hello /post" || body(all[2].stdout) != "hello /next" {
			t.Errorf("got %+v and %+v", all[1], all[2])
		}
	})
}

// TestLingeringClose checks F23 on a connection that is closed: no reset overtakes the response,
// though the web server goes on sending.
func TestLingeringClose(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := startOn(t, l, &fastcgi.Server{App: gateway.AppFunc(hello)})
		c := dial(t, srv.addr).send(head(1, 0, "REQUEST_URI", "/post"))
		for range 64 {
			c.send(rec(typeStdin, 1, strings.Repeat("x", 65535)))
		}
		if got := body(c.whole(1)); got != "hello /post" {
			t.Errorf("got %q", got)
		}
		c.ended()
	})
}

func TestRequestTimeout(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p, RequestTimeout: 20 * time.Millisecond})
		a := dial(t, srv.addr).send(get(1, 0, "/")).answers(1)[1]
		if err := wait(t, p.returned, "the deadline"); err != context.DeadlineExceeded {
			t.Errorf("the App returned %v", err)
		}
		if !strings.HasPrefix(a.stdout, "Status: 500 ") {
			t.Errorf("got %q", a.stdout)
		}
	})
}

func TestMount(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{Mount: "/app", App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := fmt.Fprintf(w, "%s|%s|%s", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"), r.EscapedPath)
			return err
		})})
		c := dial(t, srv.addr)
		for path, want := range map[string]string{
			"/app/a%20b?c": "/app|/a b|/app/a%20b", "/app//a%2Fb/../c": "/app|//a/b/../c|/app//a%2Fb/../c", "//app//a": "/app|/a|//app//a",
			"/other": "There is nothing here.\n",
		} {
			a := c.send(get(1, keepConn, path)).answers(1)[1]
			if got := body(a.stdout); got != want {
				t.Errorf("%s got %q; want %q", path, got, want)
			}
		}
	})
}

// TestRequestsGiveEverythingBack runs many requests on few connections, and looks for what they
// left.
func TestRequestsGiveEverythingBack(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		done := make(chan struct{})
		const clients, requests = 8, 200
		for range clients {
			c := dial(t, srv.addr)
			go func() {
				defer func() { done <- struct{}{} }()
				for i := range requests {
					id := uint16(i%5 + 1)
					io.WriteString(c, get(id, keepConn, "/"))
					if got := body(c.whole(id)); got != "hello /" {
						t.Errorf("got %q", got)
					}
				}
			}()
		}
		for range clients {
			wait(t, done, "a client")
		}
		for srv.CurrentRequests() > 0 || srv.Stats().Active > 0 {
			runtime.Gosched()
		}
		if got := srv.Stats(); got.Accepted != clients || got.Idle != clients {
			t.Errorf("Stats %+v", got)
		}
	})
}
