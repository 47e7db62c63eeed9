package host_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// canned answers every request with the same response, at almost no cost.
type canned struct{}

func (canned) RoundTrip(*gateway.Request) (*gateway.Response, error) {
	const answer = "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
	return gateway.ReadResponse(io.NopCloser(strings.NewReader(answer)), 0)
}

// nowhere is an http.ResponseWriter that discards the response.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(p []byte) (int, error) { return len(p), nil }
func (n *nowhere) WriteHeader(int)             {}

// serveCanned returns a function that makes a Handler answer a browser's request.
func serveCanned() func() {
	h := &host.Handler{Backend: canned{}, PassAuthorization: true, ErrorLog: quiet}
	r := httptest.NewRequest("GET", "/app/hello?name=world", nil)
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Connection", "Cookie", "Priority", "User-Agent"} {
		r.Header.Set(name, "value")
	}
	return func() { h.ServeHTTP(&nowhere{make(http.Header)}, r) }
}

// The allocations of a request without those of the backend: the two environs, the request with its
// parts, and a string for each field.
func TestCost(t *testing.T) {
	const most = 40
	if got := testing.AllocsPerRun(100, serveCanned()); got > most {
		t.Errorf("got %v allocations; want at most %d", got, most)
	}
}

// A small file that is asked for without a condition becomes no http.Request.
func TestCostOfFile(t *testing.T) {
	app := &httpapp.AppHandler{App: &host.Files{Root: site(t, "page.txt"), ErrorLog: quiet}}
	r := httptest.NewRequest("GET", "/page.txt", nil)
	const most = 40
	if got := testing.AllocsPerRun(100, func() { app.ServeHTTP(&nowhere{make(http.Header)}, r) }); got > most {
		t.Errorf("got %v allocations; want at most %d", got, most)
	}
}

func BenchmarkHandler(b *testing.B) {
	serve := serveCanned()
	b.ReportAllocs()
	for b.Loop() {
		serve()
	}
}
