package httpapp_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// TestRefusedOwnFields: each answer that a Server gives without its App has the id and the fields
// of all responses, and so has the Request that Refused gets.
func TestRefusedOwnFields(t *testing.T) {
	var mu sync.Mutex
	ids := map[string]bool{}
	app, err := gateway.WithFields(gateway.AppFunc(func(w gateway.ResponseWriter, _ *gateway.Request) error { return nil }), "X-Own: yes", "Server: own")
	if err != nil {
		t.Fatal(err)
	}
	s := &httpapp.Server{App: gateway.Identify(app), Mount: "/app", MaxParams: 10, ErrorLog: slog.New(slog.DiscardHandler), Refused: func(f *gateway.Refusal) {
		mu.Lock()
		defer mu.Unlock()
		ids[f.Request.ID()] = true
	}}
	address := serveOwn(t, s)
	for _, c := range []struct {
		request string
		status  int
		id      string // as sent, if it is kept
	}{
		{"GET /app/ HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n\r\n", 200, "mine"},
		{"GET /other HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n\r\n", 404, "mine"},
		{"HEAD /other HTTP/1.1\r\nHost: a\r\nX-Request-ID: not valid\r\n\r\n", 404, ""},
		{"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405, ""},
		{"GET /app/ HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", 11) + "\r\n", 431, ""},
		{"GET /app/ HTTP/1.1\r\nHost: a\r\nA b: c\r\n\r\n", 400, ""}, // by net/http
		{"GET /app/ HTTP/9.9\r\nHost: a\r\n\r\n", 505, ""},           // by net/http
		{"GET /app/ HTTP/1.1\r\nHost: a\r\nA: " + strings.Repeat("b", 1<<20) + "\r\n\r\n", 431, ""},
	} {
		method, _, _ := strings.Cut(c.request, " ")
		resp, body := sendOwn(t, address, method, c.request)
		id := resp.Header.Get("X-Request-ID")
		if resp.StatusCode != c.status || resp.Header.Get("X-Own") != "yes" || strings.Join(resp.Header["Server"], ",") != "own" || id == "" || c.id != "" && id != c.id {
			t.Errorf("%.60q: got %d %v %.60q; want %d with both fields and the id %q", c.request, resp.StatusCode, resp.Header, body, c.status, c.id)
		}
		if mu.Lock(); c.status != 200 && !ids[id] {
			t.Errorf("%.60q: Refused did not get the id %q", c.request, id)
		}
		mu.Unlock()
	}
}

// TestBusyOwnFields does the same for a connection above MaxConns, and a request above MaxRequests.
func TestBusyOwnFields(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	app, err := gateway.WithFields(gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error {
		close(begun)
		<-finish
		return nil
	}), "X-Own: yes")
	if err != nil {
		t.Fatal(err)
	}
	const request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	address := serveOwn(t, &httpapp.Server{App: gateway.Identify(app), MaxRequests: 1, MaxConns: 2, ErrorLog: slog.New(slog.DiscardHandler)})
	first := dialOwn(t, address)
	fmt.Fprint(first, request)
	<-begun
	defer close(finish)
	second := dialOwn(t, address) // stays open: the third is above MaxConns
	fmt.Fprint(second, strings.Replace(request, "Connection: close\r\n", "", 1))
	wantBusyOwn(t, "MaxRequests", second)
	third := dialOwn(t, address)
	fmt.Fprint(third, request)
	wantBusyOwn(t, "MaxConns", third)
}

func wantBusyOwn(t *testing.T, name string, c net.Conn) {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if resp.StatusCode != 503 || resp.Header.Get("X-Own") != "yes" || len(resp.Header.Get("X-Request-ID")) != 32 {
		t.Errorf("%s: got %d %v; want 503 with both fields", name, resp.StatusCode, resp.Header)
	}
}

// TestRefusedOwnIDDropped: a client that is not a trusted proxy does not choose the id of a request
// that is refused.
func TestRefusedOwnIDDropped(t *testing.T) {
	app := gateway.Identify(gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil }))
	address := serveOwn(t, &httpapp.Server{App: app, Mount: "/app", DropRequestID: true, ErrorLog: slog.New(slog.DiscardHandler)})
	resp, _ := sendOwn(t, address, "GET", "GET /other HTTP/1.1\r\nHost: a\r\nX-Request-ID: mine\r\n\r\n")
	if id := resp.Header.Get("X-Request-ID"); len(id) != 32 {
		t.Errorf("got the id %q; want a random one", id)
	}
}

func serveOwn(t *testing.T, s *httpapp.Server) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		s.Serve(l)
	}()
	t.Cleanup(func() {
		s.Close()
		<-served
	})
	return l.Addr().String()
}

func dialOwn(t *testing.T, address string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// sendOwn sends bytes on a connection of their own, and returns the answer.
func sendOwn(t *testing.T, address, method, request string) (*http.Response, string) {
	t.Helper()
	c := dialOwn(t, address)
	go io.WriteString(c, request)
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if err != nil {
		t.Errorf("%.60q: the body: %v", request, err)
	}
	return resp, string(body)
}
