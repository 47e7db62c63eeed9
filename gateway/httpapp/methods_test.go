package httpapp_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// refusedTargets has requests that must not reach an App, and their statuses.
var refusedTargets = []struct{ name, request, status string }{
	{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", "405"},
	{"CONNECT to a path", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
	{"CONNECT with bytes for the tunnel", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "405"},
	{"CONNECT with a body", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 2\r\n\r\nhi", "405"},
	{"CONNECT of HTTP/1.0", "CONNECT a:80 HTTP/1.0\r\n\r\n", "405"},
	{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400"},
	{"HTTP/2 preface with a field", "PRI * HTTP/2.0\r\nHost: a\r\n\r\n", "400"},
	{"PRI of HTTP/1.1", "PRI * HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
}

// TestRefusedMethods: a 2xx to CONNECT opens a tunnel (RFC 9110 section 9.3.6), and the preface of
// HTTP/2 is not a request. Refused is called for each, and the connection is closed.
func TestRefusedMethods(t *testing.T) {
	for _, mount := range []string{"", "/app"} {
		for _, tt := range refusedTargets {
			t.Run(tt.name+" "+mount, func(t *testing.T) {
				var told atomic.Value
				refused := func(f *gateway.Refusal) {
					told.Store(fmt.Sprint(f.Status, " ", f.Request.Environ.Get("REQUEST_METHOD")))
				}
				app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
					t.Errorf("the App got %s", r.Environ.Get("REQUEST_METHOD"))
					return w.Start("200 OK")
				})
				s := serveOn(t, "tcp", &httpapp.Server{App: app, Mount: mount, Refused: refused})
				plain := httptest.NewServer(&httpapp.AppHandler{App: app, Mount: mount, Refused: refused})
				defer plain.Close()
				method, _, _ := strings.Cut(tt.request, " ")
				for server, address := range map[string]string{"Server": s.addr.String(), "AppHandler": plain.Listener.Addr().String()} {
					got := conversation(t, address, tt.request)
					version, rest, _ := strings.Cut(got, " ")
					if !strings.HasPrefix(version, "HTTP/1.") || !strings.HasPrefix(rest, tt.status+" ") || strings.Contains(rest, "HTTP/1.") {
						t.Errorf("%s: got %q; want one %s", server, got, tt.status)
					}
					if tt.status == "405" && !strings.Contains(rest, "\r\nAllow: DELETE, GET, ") {
						t.Errorf("%s: got %q; want an Allow field in a 405", server, got)
					}
					if got := told.Swap(""); got != tt.status+" "+method {
						t.Errorf("%s: Refused was told %v", server, got)
					}
				}
			})
		}
	}
}

// conversation sends request, and returns what the server sends until it closes the connection.
func conversation(t *testing.T, address, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(c)
	if err != nil {
		t.Errorf("the connection ended with %v", err)
	}
	return string(got)
}

// TestConnectOverHTTP2: CONNECT has the same meaning in HTTP/2 (RFC 9113 section 8.5).
func TestConnectOverHTTP2(t *testing.T) {
	s := httptest.NewUnstartedServer(httpapp.Handler(gateway.AppFunc(greet)))
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	r, err := http.NewRequest(http.MethodConnect, s.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusMethodNotAllowed || resp.ProtoMajor != 2 {
		t.Errorf("got %s %s; want 405 over HTTP/2", resp.Proto, resp.Status)
	}
}
