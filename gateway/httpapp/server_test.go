package httpapp_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/listen"
)

// logBook is a log that tests can read while it is written.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// running is a Server that is closed at the end of the test.
type running struct {
	*httpapp.Server
	t      testing.TB
	addr   net.Addr
	log    *logBook
	served chan error
}

// serveOn starts s on the network "tcp" or "unix".
func serveOn(t testing.TB, network string, s *httpapp.Server) *running {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, t: t, addr: l.Addr(), log: new(logBook), served: make(chan error, 1)}
	s.ErrorLog = slog.New(slog.NewTextHandler(r.log, nil))
	go func() { r.served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-r.served; !errors.Is(err, gateway.ErrServerClosed) {
			t.Errorf("Serve: got %v; want ErrServerClosed", err)
		}
	})
	return r
}

// patience bounds each wait. Only a test that fails waits that long.
const patience = 10 * time.Second

func (r *running) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial(r.addr.Network(), r.addr.String())
	if err != nil {
		r.t.Fatal(err)
	}
	c.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a request and returns the status, the body, and the error of reading them.
func (r *running) ask(request string) (status int, body string, err error) {
	r.t.Helper()
	c := r.dial()
	defer c.Close()
	return exchangeOn(c, request)
}

func exchangeOn(c net.Conn, request string) (status int, body string, err error) {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		io.WriteString(c, request)
	}()
	defer func() { <-sent }()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

// waitUntil polls until holds returns true, for conditions without an event.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in %v: %s", patience, what)
		}
	}
}

func greet(w gateway.ResponseWriter, r *gateway.Request) error {
	_, err := fmt.Fprintf(w, "Hello from %s%s", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"))
	return err
}

// waiting is an App that reports its call and then waits.
type waiting struct {
	entered, release chan struct{}
}

func newWaiting() waiting { return waiting{make(chan struct{}, 16), make(chan struct{})} }

func (a waiting) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	a.entered <- struct{}{}
	select {
	case <-a.release:
	case <-r.Context().Done():
		return r.Context().Err()
	}
	_, err := io.WriteString(w, "waited")
	return err
}

const getRequest = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n"

func TestServer(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			s := serveOn(t, network, &httpapp.Server{App: gateway.AppFunc(greet), Mount: "/x"})
			c := s.dial()
			for range 2 { // on one connection
				if status, body, err := exchangeOn(c, getRequest); status != 200 || body != "Hello from /x" || err != nil {
					t.Fatalf("got %d, %q, %v", status, body, err)
				}
			}
			waitUntil(t, "the connection counts as idle", func() bool { return s.Stats().Idle == 1 })
			if got := s.Stats(); got.Accepted != 1 || got.Active != 0 {
				t.Errorf("got %+v; want one connection", got)
			}
			if got := s.log.String(); got != "" {
				t.Errorf("logged %q", got)
			}
		})
	}
}

func TestListenAndServe(t *testing.T) {
	for _, addr := range []string{"", "http://127.0.0.1:0", "127.0.0.1:0"} {
		s := &httpapp.Server{App: gateway.AppFunc(greet), Addr: addr}
		s.Close()
		err := s.ListenAndServe()
		if addr == "" && errors.Is(err, listen.ErrInUse) {
			continue // another program has port 8080, so the default was used
		}
		if !errors.Is(err, httpapp.ErrServerClosed) {
			t.Errorf("%q: got %v; want ErrServerClosed", addr, err)
		}
	}
	wrong := (*listen.AddressError)(nil)
	if err := httpapp.ListenAndServe("scgi://127.0.0.1:0", gateway.AppFunc(greet)); !errors.As(err, &wrong) {
		t.Errorf("got %v; want an AddressError", err)
	}
	if err := httpapp.ListenAndServe("127.0.0.1:0", nil); err == nil || !strings.Contains(err.Error(), "App is nil") {
		t.Errorf("got %v; want one about App", err)
	}
}

// ListenAndServe cannot be stopped, so it serves in a child process, in which TestMain calls it.
func TestListenAndServeAnswers(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(t.TempDir(), "s")
	child := exec.Command(exe)
	child.Env = append(os.Environ(), serveVariable+"=unix:"+socket)
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Process.Kill()
	s := &running{t: t, addr: &net.UnixAddr{Net: "unix", Name: socket}}
	waitUntil(t, "the child listens", func() bool {
		c, err := net.Dial("unix", socket)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	if status, body, err := s.ask(getRequest); status != 200 || body != "Hello from /x" || err != nil {
		t.Errorf("got %d, %q, %v", status, body, err)
	}
}

// The limits that wsgiref has, each with its own status.
func TestServerHeadLimits(t *testing.T) {
	t.Parallel()
	fields := func(n int) string { return strings.Repeat("X-A: 1\r\n", n) }
	head := func(target, fields string) string {
		return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n"
	}
	long := "/" + strings.Repeat("a", 64<<10)
	tests := []struct {
		name    string
		server  httpapp.Server
		request string
		status  int
		log     string
	}{
		// without a slash, so net/http refuses it
		{"target at the limit", httpapp.Server{}, head(long[1:], ""), 400, ""},
		{"longest target", httpapp.Server{}, head(long[:64<<10], ""), 200, ""},
		{"target too long", httpapp.Server{}, head(long, ""), 414, "request target"},
		{"many fields", httpapp.Server{}, head("/", fields(1024)), 200, ""},
		{"too many fields", httpapp.Server{}, head("/", fields(1025)), 431, "1025, limit 1024"},
		{"more than MaxParams", httpapp.Server{MaxParams: 2}, head("/", fields(3)), 431, "3, limit 2"},
		{"no bound of fields", httpapp.Server{MaxParams: -1}, head("/", fields(2000)), 200, ""},
		{"head too long", httpapp.Server{}, head("/", "X: "+strings.Repeat("a", 261<<10)+"\r\n"), 431, ""},
		{"more than MaxParamsBytes", httpapp.Server{MaxParamsBytes: 1000}, head("/", "X: "+strings.Repeat("a", 6000)+"\r\n"), 431, ""},
		{"no bound of bytes", httpapp.Server{MaxParamsBytes: -1}, head("/", "X: "+strings.Repeat("a", 2<<20)+"\r\n"), 200, ""},
	}
	for i := range tests {
		tt := &tests[i]
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.server.App = gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil })
			s := serveOn(t, "tcp", &tt.server)
			for range 2 {
				if status, _, err := s.ask(tt.request); status != tt.status {
					t.Errorf("got %d, %v; want %d", status, err, tt.status)
				}
			}
			got := s.log.String()
			if !strings.Contains(got, tt.log) || (tt.log == "") != (got == "") || strings.Count(got, "\n") > 1 {
				t.Errorf("logged %q; want one line with %q", got, tt.log)
			}
		})
	}
}

// An AppHandler has the limits too, whatever server it is in.
func TestHandlerHeadLimits(t *testing.T) {
	h, log := quiet(greet)
	h.MaxParams = 8
	url := serve(t, h)
	r, _ := http.NewRequest("GET", url, nil)
	for range 9 {
		r.Header.Add("X-A", "1")
	}
	resp, _, err := exchange(t, r)
	if err != nil || resp.StatusCode != 431 {
		t.Errorf("got %v, %v; want 431", resp, err)
	}
	if resp, _ := get(t, url+"/"+strings.Repeat("a", 65<<10)); resp.StatusCode != 414 {
		t.Errorf("got %s; want 414", resp.Status)
	}
	if got := log.String(); strings.Count(got, "\n") != 1 {
		t.Errorf("logged %q; want one line", got)
	}
}

func TestServerMaxBodyBytes(t *testing.T) {
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet), MaxBodyBytes: 3})
	for body, want := range map[string]int{"abc": 200, "abcd": 413} {
		request := fmt.Sprintf("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		if status, _, err := s.ask(request); status != want {
			t.Errorf("a body of %d bytes: got %d, %v; want %d", len(body), status, err, want)
		}
	}
}

func TestServerBusy(t *testing.T) {
	post := "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 102400\r\n\r\n" + strings.Repeat("x", 100<<10)
	t.Run("MaxRequests", func(t *testing.T) {
		app := newWaiting()
		s := serveOn(t, "tcp", &httpapp.Server{App: app, MaxRequests: 1})
		first := s.dial()
		io.WriteString(first, getRequest)
		<-app.entered
		for range 2 {
			if status, body, err := s.ask(post); status != 503 || err != nil {
				t.Errorf("got %d, %q, %v; want 503", status, body, err)
			}
		}
		close(app.release)
		if status, body, err := exchangeOn(first, ""); status != 200 || body != "waited" {
			t.Errorf("the request under way got %d, %q, %v", status, body, err)
		}
		waitUntil(t, "room again", func() bool { status, _, _ := s.ask(getRequest); return status == 200 })
		if got := s.log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "limit=1") {
			t.Errorf("logged %q; want one line", got)
		}
	})
	t.Run("MaxConns", func(t *testing.T) {
		post := "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10485760\r\n\r\n" + strings.Repeat("x", 10<<20)
		s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet), MaxConns: 1})
		idle := s.dial()
		waitUntil(t, "the first connection is there", func() bool { return s.Stats().Idle == 1 })
		for range 5 {
			if status, body, err := s.ask(post); status != 503 || err != nil {
				t.Errorf("got %d, %q, %v; want 503", status, body, err)
			}
		}
		idle.Close()
		waitUntil(t, "room again", func() bool { status, _, _ := s.ask(getRequest); return status == 200 })
	})
}

func TestServerAllowedPeers(t *testing.T) {
	for list, want := range map[string]int{"127.0.0.0/8": 200, "192.0.2.0/24": 0} {
		s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet), AllowedPeers: []netip.Prefix{netip.MustParsePrefix(list)}})
		if status, _, err := s.ask(getRequest); status != want {
			t.Errorf("%s: got %d, %v; want %d", list, status, err, want)
		}
	}
}

func TestServerAllowedUIDs(t *testing.T) {
	s := serveOn(t, "unix", &httpapp.Server{App: gateway.AppFunc(greet), AllowedUIDs: []int{os.Getuid() + 1}})
	if status, _, err := s.ask(getRequest); status != 0 {
		t.Errorf("got %d, %v; want no answer for a user who is not in the list", status, err)
	}
}

func TestServerShutdown(t *testing.T) {
	app := newWaiting()
	s := serveOn(t, "tcp", &httpapp.Server{App: app})
	busy := s.dial()
	io.WriteString(busy, getRequest)
	<-app.entered
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	if err := <-s.served; !errors.Is(err, gateway.ErrServerClosed) {
		t.Errorf("Serve: got %v", err)
	}
	s.served <- gateway.ErrServerClosed // for the cleanup of the test
	select {
	case err := <-ended:
		t.Fatalf("Shutdown did not wait: %v", err)
	default:
	}
	close(app.release)
	resp, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || resp.StatusCode != 200 || !resp.Close {
		t.Errorf("got %v, %v; want an answer that ends the connection", resp, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func TestServerShutdownClosesIdle(t *testing.T) {
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet)})
	idle := s.dial()
	if status, _, err := exchangeOn(idle, getRequest); status != 200 {
		t.Fatalf("got %d, %v", status, err)
	}
	waitUntil(t, "the connection counts as idle", func() bool { return s.Stats().Idle == 1 })
	if err := s.Shutdown(context.Background()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if n, err := idle.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %d bytes, %v; want the end", n, err)
	}
}

// Close breaks the responses under way so that the client can see it, and ends their contexts.
func TestServerClose(t *testing.T) {
	app := newWaiting()
	s := serveOn(t, "tcp", &httpapp.Server{App: app})
	busy := s.dial()
	io.WriteString(busy, getRequest)
	<-app.entered
	s.Close()
	if got, err := io.ReadAll(busy); err == nil {
		t.Errorf("got %q and a plain end; want a reset", got)
	}
	if err := s.Shutdown(context.Background()); err != nil { // waits until the App has seen the end of its context
		t.Errorf("Shutdown: %v", err)
	}
}

// HTTP/1.0 has no chunks. Without a length, the end of the connection ends the body, unless it is a
// reset.
func TestServerBreaksHTTP10(t *testing.T) {
	for _, broken := range []bool{false, true} {
		taken := make(chan struct{})
		s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			io.WriteString(w, "half")
			w.Flush()
			<-taken
			if broken {
				panic("broken")
			}
			return nil
		})})
		c := s.dial()
		io.WriteString(c, "GET / HTTP/1.0\r\n\r\n")
		answer := bufio.NewReader(c)
		resp, err := http.ReadResponse(answer, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
			t.Fatal(err)
		}
		close(taken)
		rest, err := io.ReadAll(resp.Body)
		if len(rest) > 0 || (err != nil) != broken {
			t.Errorf("broken %t: got %q, %v", broken, rest, err)
		}
	}
}
