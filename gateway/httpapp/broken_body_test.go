package httpapp_test

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// smuggled is a request that a client sends in place of the rest of a body.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// brokenBodies are requests with a body that breaks off, or whose client sends nothing for too
// long, and the App that gets each.
var brokenBodies = []struct {
	name, request string
	late          bool // only ReadTimeout ends the wait for the body
	app           gateway.AppFunc
}{
	{"late", head + "Content-Length: 100\r\n\r\nab", true, readBody},
	{"late after the head", head + "Content-Length: 100\r\n\r\nab", true, func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Flush()
		return readBody(w, r)
	}},
	{"late, and ignored", head + "Content-Length: 100\r\n\r\nab", true, flushAndIgnore},
	{"malformed chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled, false, readBody},
	{"malformed chunk after the head", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled, false, flushAndIgnore},
	{"unread malformed chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled, false, greet},
}

const head = "POST / HTTP/1.1\r\nHost: h\r\n"

func readBody(_ gateway.ResponseWriter, r *gateway.Request) error {
	_, err := io.Copy(io.Discard, r.Stdin)
	return err
}

// flushAndIgnore sends the head, and returns nil whatever happens to the body.
func flushAndIgnore(w gateway.ResponseWriter, r *gateway.Request) error {
	w.Flush()
	readBody(w, r)
	return nil
}

// After a broken body, later bytes must not pass for the next request. The time of these
// connections is that of synctest: on a busy machine the head itself would come too late for a real
// ReadTimeout that does not delay the test.
func TestBrokenBodyIsNoRequest(t *testing.T) {
	for _, tt := range brokenBodies {
		for name, serve := range map[string]func(*testing.T, gateway.App) *nettest.PipeListener{"Server": serveShort, "net/http": serveShortHTTP} {
			t.Run(tt.name+"/"+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var calls atomic.Int32
					l := serve(t, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
						calls.Add(1)
						return tt.app(w, r)
					}))
					smuggle(t, l.Dial(), tt.request)
					if n := calls.Load(); n != 1 {
						t.Errorf("the App was called %d times; want once", n)
					}
				})
			})
		}
	}
}

// TestBrokenBodyIsNoRequestOverTCP has the same, where the kernel keeps the later bytes.
func TestBrokenBodyIsNoRequestOverTCP(t *testing.T) {
	for _, tt := range brokenBodies {
		if tt.late {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				calls.Add(1)
				return tt.app(w, r)
			})
			smuggle(t, serveOn(t, "tcp", &httpapp.Server{App: app}).dial(), tt.request)
			s := httptest.NewServer(httpapp.Handler(app))
			defer s.Close()
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			smuggle(t, c, tt.request)
			if n := calls.Load(); n != 2 {
				t.Errorf("the App was called %d times by two servers; want once by each", n)
			}
		})
	}
}

// shortTimeout is the ReadTimeout of serveShort and serveShortHTTP.
const shortTimeout = 30 * time.Millisecond

func serveShort(t *testing.T, app gateway.App) *nettest.PipeListener {
	return servePipes(t, &httpapp.Server{App: app, ReadTimeout: shortTimeout})
}

// serveShortHTTP is serveShort with the server of net/http.
func serveShortHTTP(t *testing.T, app gateway.App) *nettest.PipeListener {
	s := &http.Server{Handler: httpapp.Handler(app), ReadTimeout: shortTimeout, ErrorLog: log.New(io.Discard, "", 0)}
	l := nettest.NewPipeListener()
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return l
}

// servePipes serves connections whose timeouts are in the time of synctest, until the test ends.
func servePipes(t *testing.T, s *httpapp.Server) *nettest.PipeListener {
	s.ErrorLog = slog.New(slog.DiscardHandler)
	l := nettest.NewPipeListener()
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-served
		s.Shutdown(context.Background())
	})
	return l
}

// smuggle sends a request, waits for the answer, sends another request in place of the rest of the
// body, and waits until the connection is closed.
func smuggle(t *testing.T, c net.Conn, request string) {
	t.Helper()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, request)
	first := make([]byte, 4096)
	c.Read(first) // a broken response may have no byte
	sent := make(chan struct{})
	go func() { // a pipe keeps no byte: the server may write before it reads
		defer close(sent)
		io.WriteString(c, smuggled)
	}()
	rest, err := io.ReadAll(c)
	c.Close()
	<-sent
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
	if strings.Count(string(first)+string(rest), "HTTP/1.1 ") > 1 {
		t.Errorf("got more than one answer: %q", string(first)+string(rest))
	}
}

// A client that stops sending a body that the App does not read gets its answer, and its connection
// is closed.
func TestStalledUnreadBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := servePipes(t, &httpapp.Server{App: gateway.AppFunc(greet)}).Dial()
		c.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(c, head+"Content-Length: 100\r\n\r\nab")
		answer, err := io.ReadAll(c) // 5 s
		if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
			t.Errorf("got %q, %v; want a whole answer, and the end", answer, err)
		}
	})
}
