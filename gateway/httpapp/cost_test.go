package httpapp_test

import (
	"context"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
)

// nginx has the variables that nginx sends for a browser's GET, with its default scgi_params and
// the two lines that those lack.
var nginx = []string{
	"CONTENT_LENGTH", "0", "SCGI", "1", "REQUEST_METHOD", "GET", "REQUEST_URI", "/app/hello?name=world", "QUERY_STRING", "name=world",
	"CONTENT_TYPE", "", "DOCUMENT_URI", "/app/hello", "DOCUMENT_ROOT", "/usr/share/nginx/html", "SERVER_PROTOCOL", "HTTP/1.1",
	"REQUEST_SCHEME", "http", "REMOTE_ADDR", "127.0.0.1", "REMOTE_PORT", "53210", "SERVER_PORT", "8080", "SERVER_NAME", "localhost",
	"SCRIPT_NAME", "/app", "PATH_INFO", "/hello", "HTTP_HOST", "localhost:8080", "HTTP_USER_AGENT", "Mozilla/5.0 (X11; Linux x86_64)",
	"HTTP_ACCEPT", "text/html,application/xhtml+xml", "HTTP_ACCEPT_LANGUAGE", "en-GB,en;q=0.5", "HTTP_ACCEPT_ENCODING", "gzip, deflate",
	"HTTP_CONNECTION", "keep-alive", "HTTP_COOKIE", "session=0123456789abcdef", "HTTP_UPGRADE_INSECURE_REQUESTS", "1", "HTTP_PRIORITY", "u=0",
}

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "Hello, world\n")
}

func TestCost(t *testing.T) {
	e := environ(nginx...)
	app := httpapp.New(http.HandlerFunc(hello))
	got := testing.AllocsPerRun(100, func() {
		h := gateway.BaseCGIHandler{Environ: e, Stdout: io.Discard}
		if err := h.Run(context.Background(), app); err != nil {
			t.Error(err)
		}
	})
	if got > 20 {
		t.Errorf("got %v allocations for hello, Run's included; want at most 20", got)
	}
}

func BenchmarkHello(b *testing.B) {
	e := environ(nginx...)
	app := httpapp.New(http.HandlerFunc(hello))
	b.ReportAllocs()
	for b.Loop() {
		h := gateway.BaseCGIHandler{Environ: e, Stdout: io.Discard}
		if err := h.Run(b.Context(), app); err != nil {
			b.Fatal(err)
		}
	}
}

// discard is a gateway.ResponseWriter that discards the response.
type discard struct{ fields headers.Headers }

func (d *discard) Headers() *headers.Headers   { return &d.fields }
func (d *discard) Start(string) error          { return nil }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) Flush() error                { return nil }

// BenchmarkRequest compares newRequest with RequestFromMap, by which net/http/cgi and net/http/fcgi
// make a request. The time of newRequest includes an empty response.
func BenchmarkRequest(b *testing.B) {
	e := environ(nginx...)
	b.Run("httpapp", func(b *testing.B) {
		app := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
		r := &gateway.Request{Environ: e, Scheme: "http"}
		w := new(discard)
		b.ReportAllocs()
		for b.Loop() {
			if err := app.ServeGateway(w, r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("net/http/cgi", func(b *testing.B) {
		m := e.Map()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := cgi.RequestFromMap(m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkMetaVariables(b *testing.B) {
	r := httptest.NewRequest("GET", "/app/hello?name=world", nil)
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Connection", "Cookie", "Priority", "User-Agent"} {
		r.Header.Set(name, "value")
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := httpapp.MetaVariables(r, "/app"); err != nil {
			b.Fatal(err)
		}
	}
}
