package httpapp_test

import (
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// smuggled is a request that a client sends in place of the rest of a body.
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"

// If a body broke off, or its client sent nothing for too long, later bytes must not pass for the
// next request.
func TestBrokenBodyIsNoRequest(t *testing.T) {
	const head = "POST / HTTP/1.1\r\nHost: h\r\n"
	readAll := func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.Copy(io.Discard, r.Stdin)
		return err
	}
	for _, tt := range []struct {
		name, request string
		app           gateway.AppFunc
	}{
		{"late", head + "Content-Length: 100\r\n\r\nab", readAll},
		{"late after the head", head + "Content-Length: 100\r\n\r\nab", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Flush()
			return readAll(w, r)
		}},
		{"late, and ignored", head + "Content-Length: 100\r\n\r\nab", func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Flush()
			readAll(w, r)
			return nil
		}},
		{"malformed chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled, readAll},
		{"malformed chunk after the head", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled,
			func(w gateway.ResponseWriter, r *gateway.Request) error {
				w.Flush()
				readAll(w, r)
				return nil
			}},
		{"unread malformed chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n" + smuggled, greet},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var calls atomic.Int32
			app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				calls.Add(1)
				return tt.app(w, r)
			})
			t.Run("Server", func(t *testing.T) {
				s := serveOn(t, "tcp", &httpapp.Server{App: app, ReadTimeout: 30 * time.Millisecond})
				smuggle(t, s.dial(), tt.request)
			})
			t.Run("net/http", func(t *testing.T) {
				s := httptest.NewUnstartedServer(httpapp.Handler(app))
				s.Config.ReadTimeout = 30 * time.Millisecond
				s.Start()
				defer s.Close()
				c, err := net.Dial("tcp", s.Listener.Addr().String())
				if err != nil {
					t.Fatal(err)
				}
				smuggle(t, c, tt.request)
			})
			if n := calls.Load(); n != 2 {
				t.Errorf("the App was called %d times by two servers; want once by each", n)
			}
		})
	}
}

// smuggle sends a request, waits for the answer, sends another request in place of the rest of the
// body, and waits until the connection is closed.
func smuggle(t *testing.T, c net.Conn, request string) {
	t.Helper()
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, request)
	first := make([]byte, 4096)
	c.Read(first) // a broken response may have no byte
	io.WriteString(c, smuggled)
	rest, err := io.ReadAll(c)
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
	t.Parallel()
	s := serveOn(t, "tcp", &httpapp.Server{App: gateway.AppFunc(greet)})
	c := s.dial()
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(c, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nab")
	answer, err := io.ReadAll(c) // 5 s
	if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 200 ") {
		t.Errorf("got %q, %v; want a whole answer, and the end", answer, err)
	}
}
