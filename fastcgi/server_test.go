package fastcgi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// logBuffer collects a server's log lines.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// lines returns how many lines were logged.
func (b *logBuffer) lines() int { return strings.Count(b.String(), "\n") }

// server is a server under test.
type server struct {
	engine
	t      *testing.T
	addr   net.Addr
	log    *logBuffer
	served chan error // what Serve returned
}

// CurrentRequests returns how many requests hold a place: those whose App has not returned, and
// those whose variables are not complete.
func (s *server) CurrentRequests() int {
	return s.Stats().Requests
}

// start serves with s on a unix socket, and closes it when the test ends. Everything is read off
// the wire: nothing else is shared.
func start(t *testing.T, s *fastcgi.Server) *server {
	t.Helper()
	dir, err := os.MkdirTemp("", "fcgi") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	srv := startOn(t, l, s)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return srv
}

func startOn(t *testing.T, l net.Listener, s *fastcgi.Server) *server {
	t.Helper()
	srv := &server{t: t, addr: l.Addr(), log: new(logBuffer), served: make(chan error, 1)}
	s.ErrorLog = slog.New(slog.NewTextHandler(srv.log, nil))
	srv.engine = engineOf(t, s)
	go func() { srv.served <- srv.Serve(l) }()
	t.Cleanup(func() { srv.stop(t) })
	return srv
}

// stop closes the server and waits until all its goroutines are done with its connections.
func (s *server) stop(t *testing.T) {
	s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown after Close: %v", err)
	}
	if n := s.CurrentRequests(); n != 0 {
		t.Errorf("%d requests are left over after Shutdown", n)
	}
}

// startApp serves with app and zero fields.
func startApp(t *testing.T, app gateway.AppFunc) *server {
	t.Helper()
	return start(t, &fastcgi.Server{App: app})
}

// echo answers with the environ, a line for each variable but those that are required, and the
// body.
func echo(w gateway.ResponseWriter, r *gateway.Request) error {
	for name, value := range r.Environ.All() {
		if name == "REQUEST_METHOD" || name == "SERVER_PROTOCOL" {
			continue
		}
		fmt.Fprintf(w, "%s=%s\n", name, value)
	}
	_, err := io.Copy(w, r.Stdin)
	return err
}

// hello answers with the request's URI.
func hello(w gateway.ResponseWriter, r *gateway.Request) error {
	_, err := io.WriteString(w, "hello "+r.Environ.Get("REQUEST_URI"))
	return err
}

func TestExactResponse(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Add("x-b", "1")
			w.Headers().Add("X-A", "2")
			w.Headers().Add("x-b", "3")
			w.Start("404 Gone Fishing")
			_, err := io.WriteString(w, "no")
			return err
		})
		got := dial(t, srv.addr).send(get(1, 0, "/")).whole(1)
		want := "Status: 404 Gone Fishing\r\nx-b: 1\r\nX-A: 2\r\nx-b: 3\r\nContent-Length: 2\r\n\r\nno"
		if differs(t, "head") {
			want = "Status: 404 Not Found\r\nContent-Length: 2\r\nX-A: 2\r\nx-b: 1\r\nx-b: 3\r\n\r\nno"
			if !strings.Contains(got, "\r\nDate: ") {
				t.Errorf("got %q; want a Date", got)
			}
			got = sorted(got)
		}
		if got != want {
			t.Errorf("got %q; want %q: order, spelling and reason as the App set them", got, want)
		}
	})
}

func TestEnvironIsExact(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, echo)
		long := strings.Repeat("v", 300)
		got := body(dial(t, srv.addr).send(head(1, 0, "SCRIPT_NAME", "/app", "PATH_INFO", "/%2F", "REMOTE_USER", "eve", "A", "1", "a", "2",
			"A", "3", "EMPTY", "", "CGIKIT_REQUEST_ID", "77", "LONG", long, "BYTES", "\x80\n"), rec(typeStdin, 1, "")).whole(1))
		want := "SCRIPT_NAME=/app\nPATH_INFO=/%2F\nREMOTE_USER=eve\nA=1\na=2\nA=3\nEMPTY=\nCGIKIT_REQUEST_ID=77\nLONG=" + long + "\nBYTES=\x80\n\n"
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	})
}

func TestHead(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		got := dial(t, srv.addr).send(head(1, 0, "REQUEST_METHOD", "HEAD", "REQUEST_URI", "/"), rec(typeStdin, 1, "")).whole(1)
		if want := "Status: 200 OK\r\nContent-Length: 7\r\n\r\n"; sorted(got) != want {
			t.Errorf("got %q; want %q", got, want)
		}
	})
}

func TestFlushSendsTheHead(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		release := make(chan struct{})
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if err := w.Flush(); err != nil {
				return err
			}
			<-release
			_, err := io.WriteString(w, "body")
			return err
		})
		c := dial(t, srv.addr).send(get(1, 0, "/"))
		if r := c.next(); r.kind != typeStdout || sorted(r.content) != "Status: 200 OK\r\n\r\n" {
			t.Errorf("got %+v; want the head before the body is there", r)
		}
		close(release)
		if got := c.whole(1); got != "body" {
			t.Errorf("got %q; want the body", got)
		}
	})
}

// TestLargeBody goes through many records both ways.
func TestLargeBody(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.Copy(w, r.Stdin)
			return err
		})
		const size = 3 << 20
		want := strings.Repeat("0123456789abcdef", size/16)
		c := dial(t, srv.addr)
		go func() {
			text := head(1, 0, "CONTENT_LENGTH", fmt.Sprint(size))
			for rest := want; rest != ""; {
				n := min(len(rest), 65535)
				// F2: 65,535 and 255 bytes
				text += padded(typeStdin, 1, rest[:n], strings.Repeat("p", 255))
				rest = rest[n:]
			}
			io.WriteString(c, text+rec(typeStdin, 1, ""))
		}()
		if got := body(c.whole(1)); got != want {
			t.Errorf("got %d bytes; want the %d that were sent", len(got), len(want))
		}
		c.ended()
	})
}

func TestFileIsCopied(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		name := filepath.Join(t.TempDir(), "f")
		want := strings.Repeat("file", 100_000)
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		})
		if got := body(dial(t, srv.addr).send(get(1, 0, "/")).whole(1)); got != want {
			t.Errorf("got %d bytes; want %d", len(got), len(want))
		}
	})
}

func TestPanicCostsOneRequest(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("REQUEST_URI") == "/panic" {
				panic("oops")
			}
			return hello(w, r)
		})
		c := dial(t, srv.addr).send(get(1, keepConn, "/panic"))
		a := c.answers(1)[1]
		if !strings.HasPrefix(a.stdout, "Status: 500 ") || strings.Contains(a.stdout, "oops") {
			t.Errorf("the client got %q; want an error page without details", a.stdout)
		}
		if said := a.said(srv); !strings.Contains(said, "oops") || !strings.Contains(said, "server_test.go") {
			t.Errorf("got %q; want the panic and its stack", said)
		}
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
	})
}

// TestGoexitCostsOneRequest has an App end its goroutine, as testing.T.FailNow does, where nothing
// can be recovered.
func TestGoexitCostsOneRequest(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			runtime.Goexit()
			return nil
		})
		c := dial(t, srv.addr).send(get(1, keepConn, "/"))
		r, err := c.read()
		for err == nil && r.kind != typeEnd { // the error page may have been sent
			r, err = c.read()
		}
		if err != errBroken {
			t.Errorf("read %+v, %v; want a broken connection", r, err)
		}
		c.ended()
	})
}

func TestBrokenResponse(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Length", "10")
			io.WriteString(w, "part")
			if err := w.Flush(); err != nil {
				return err
			}
			if r.Environ.Get("REQUEST_URI") == "/panic" {
				panic("late")
			}
			return nil // short of its Content-Length
		})
		for _, path := range []string{"/panic", "/short"} {
			c := dial(t, srv.addr).send(get(1, keepConn, path))
			var out, log string
			for {
				r, err := c.read()
				if err == errBroken {
					break
				}
				switch {
				case err != nil:
					t.Fatalf("%s: %v; want eight bytes 0xFF", path, err)
				case r.kind == typeStdout && r.content != "":
					out += r.content
				case r.kind == typeStderr:
					log += r.content
				default:
					t.Errorf("%s: got %+v; want no end of STDOUT and no END_REQUEST", path, r)
				}
			}
			c.ended()
			if log == "" && differs(t, "FCGI_STDERR") {
				log = srv.log.String()
			}
			if sorted(out) != "Status: 200 OK\r\nContent-Length: 10\r\n\r\npart" || log == "" {
				t.Errorf("%s: got %q and %q in the log", path, out, log)
			}
		}
	})
}

// TestBrokenResponseWaitsForOthers has a whole response under way on the connection of a broken
// one.
func TestBrokenResponseWaitsForOthers(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		release := make(chan struct{})
		srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
			if r.Environ.Get("REQUEST_URI") == "/break" {
				w.Flush()
				return errors.New("late")
			}
			w.Flush()
			<-release
			return hello(w, r)
		})
		c := dial(t, srv.addr).send(get(1, keepConn, "/slow"))
		c.next()                                  // its head
		c.send(get(2, keepConn, "/break")).next() // its head
		waitUntil(t, "the end of the broken response", func() bool { return srv.CurrentRequests() == 1 })
		refused := c.send(get(3, keepConn, "/break")).next()
		for refused.id == 2 { // its head, and why it broke
			refused = c.next()
		}
		if refused.kind != typeEnd || refused.content[4] != 1 {
			t.Errorf("a new request got %+v; want CANT_MPX_CONN", refused)
		}
		close(release)
		if a := c.answers(1)[1]; a == nil || a.stdout != "hello /slow" {
			t.Errorf("the slow request got %+v; want the rest of its response", a)
		}
		if r, err := c.read(); err != errBroken {
			t.Errorf("read %+v, %v; want the break when all have ended", r, err)
		}
		c.ended()
	})
}

// TestStderr is about Server alone, as the other tests of FCGI_STDERR: net/http/fcgi has none for
// its handler.
func TestStderr(t *testing.T) {
	want := strings.Repeat("log ", 50_000)
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		if n, err := io.WriteString(r.Stderr, want); n != len(want) || err != nil {
			return fmt.Errorf("wrote %d, %w", n, err)
		}
		return hello(w, r)
	})
	a := dial(t, srv.addr).send(get(1, 0, "/")).answers(1)[1]
	if a.stderr != want || !a.stderrEnded || body(a.stdout) != "hello /" {
		t.Errorf("got %d bytes of STDERR, ended %t, and %q; want %d (F24, F25)", len(a.stderr), a.stderrEnded, a.stdout, len(want))
	}
}

// TestStderrAfterTheApp keeps the stream longer than an App may.
func TestStderrAfterTheApp(t *testing.T) {
	kept := make(chan io.Writer, 1)
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		kept <- r.Stderr
		return nil
	})
	dial(t, srv.addr).send(get(1, keepConn, "/")).whole(1)
	if _, err := io.WriteString(<-kept, "too late"); !errors.Is(err, gateway.ErrFinished) {
		t.Errorf("got %v; want ErrFinished", err)
	}
	if srv.log.lines() != 0 {
		t.Errorf("logged %q", srv.log)
	}
}

func TestServeWithoutApp(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := fastcgi.Serve(l, nil); err == nil || !strings.Contains(err.Error(), "App is nil") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is still open: %v", err)
	}
}
