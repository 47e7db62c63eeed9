package host_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/util"
)

// backendFunc makes a function a Backend.
type backendFunc func(r *gateway.Request) (*gateway.Response, error)

func (f backendFunc) RoundTrip(r *gateway.Request) (*gateway.Response, error) { return f(r) }

// stream is a backend's standard output.
type stream struct {
	io.Reader
	closed bool
}

func (s *stream) Close() error { s.closed = true; return nil }

// says is a Backend that answers every request with the same bytes.
func says(stdout string) gateway.Backend {
	return backendFunc(func(*gateway.Request) (*gateway.Response, error) {
		return gateway.ReadResponse(&stream{Reader: strings.NewReader(stdout)}, 0)
	})
}

// recorder is a Backend that keeps the last request, with its body, and answers "ok".
type recorder struct {
	mu      sync.Mutex
	environ *util.Environ
	body    string
	bodyErr error
	scheme  string
	calls   int
}

func (b *recorder) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls++
	b.environ, b.scheme, b.body, b.bodyErr = r.Environ.Clone(), r.Scheme, "", nil
	if r.Stdin != nil {
		body, err := io.ReadAll(r.Stdin)
		b.body, b.bodyErr = string(body), err
	}
	return gateway.ReadResponse(&stream{Reader: strings.NewReader("Content-Type: text/plain\n\nok")}, 0)
}

// want compares variables, given as alternating names and values. The value "-" means a variable
// that must not be set.
func (b *recorder) want(t *testing.T, namesAndValues ...string) {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for nv := range slices.Chunk(namesAndValues, 2) {
		got, ok := b.environ.Lookup(nv[0])
		if !ok {
			got = "-"
		}
		if got != nv[1] {
			t.Errorf("%s: got %q; want %q", nv[0], got, nv[1])
		}
	}
}

// answer is what an HTTP client saw.
type answer struct {
	status int
	header http.Header
	body   string
	err    error // of reading the body
}

// fetch sends r to h over a real connection.
func fetch(t testing.TB, h http.Handler, method, target string, body io.Reader, fields ...string) answer {
	t.Helper()
	s := httptest.NewServer(h)
	defer s.Close()
	r, err := http.NewRequest(method, s.URL+target, body)
	if err != nil {
		t.Fatal(err)
	}
	for nv := range slices.Chunk(fields, 2) {
		r.Header[nv[0]] = append(r.Header[nv[0]], nv[1]) // with the given spelling
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	resp, err := client.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(got), err}
}

func get(t testing.TB, h http.Handler, target string, fields ...string) answer {
	t.Helper()
	return fetch(t, h, "GET", target, nil, fields...)
}

func (a answer) want(t *testing.T, status int, body string) {
	t.Helper()
	if a.err != nil || a.status != status || a.body != body {
		t.Errorf("got %d %.300q, %v; want %d %q", a.status, a.body, a.err, status, body)
	}
}

// logBuffer is a log that can be read while it is written.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// handler returns a Handler without a log.
func handler(b gateway.Backend) *host.Handler { return &host.Handler{Backend: b, ErrorLog: quiet} }
