package httpapp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
)

func wantFields(t *testing.T, got result, want ...string) {
	t.Helper()
	if !slices.Equal(got.fields, want) {
		t.Errorf("got fields %q; want %q", got.fields, want)
	}
}

func TestStatus(t *testing.T) {
	tests := []struct {
		code int
		want string
	}{
		{200, "200 OK"}, {404, "404 Not Found"}, {299, "299 status code 299"}, {999, "999 status code 999"},
		{100, "200 OK"}, {101, "200 OK"}, {103, "200 OK"}, // CGI cannot carry them
		{99, "500 Internal Server Error"}, {1000, "500 Internal Server Error"}, {0, "500 Internal Server Error"}, // a panic, as in net/http
	}
	for _, tt := range tests {
		got := runHandler(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(tt.code) }, environ(), "")
		if got.status != tt.want {
			t.Errorf("%d: got %q; want %q", tt.code, got.status, tt.want)
		}
	}
}

func TestEarlyHintsThenResponse(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</s.css>")
		w.WriteHeader(103)
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(201)
	}, environ(), "")
	if got.status != "201 Created" || got.stderr != "" {
		t.Errorf("got %q, stderr %q", got.status, got.stderr)
	}
	wantFields(t, got, "Content-Type: text/plain", "Link: </s.css>", "Content-Length: 0")
}

func TestSecondWriteHeader(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(201)
		w.Header().Set("X-Late", "1")
		http.Error(w, "no", 400)
	}, environ(), "")
	if got.status != "201 Created" || got.field("X-Late") != "" || got.body != "no\n" {
		t.Errorf("got %q, %q, %q", got.status, got.fields, got.body)
	}
	if want := "httpapp: superfluous WriteHeader(400) after 201 from "; !strings.HasPrefix(got.stderr, want) ||
		!strings.Contains(got.stderr, "TestSecondWriteHeader") || strings.Count(got.stderr, "\n") != 1 {
		t.Errorf("got stderr %q; want one line that begins %q and names this function", got.stderr, want)
	}
}

func TestSentFields(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["X-B"] = []string{"2", "1"}
		h["X-A"] = []string{"a\r\nSet-Cookie: x", "\x00b\tc\x7f"}
		h["x-lower"] = []string{"kept"}
		h["Bad Name"] = []string{"1"}
		h["Bad\r\nName"] = []string{"1"}
		h[""] = []string{"1"}
		h["Status"] = []string{"404 x"}
		h["status"] = []string{"404 x"}
		for name := range strings.FieldsSeq("Connection Keep-Alive Proxy-Connection Te Trailer Transfer-Encoding Upgrade") {
			h.Set(name, "x")
		}
		h["Content-Type"] = nil
		io.WriteString(w, "<html>")
		h.Set(http.TrailerPrefix+"X-T", "1")
	}, environ(), "")
	wantFields(t, got, "X-A: a  Set-Cookie: x", "X-A: b\tc", "X-B: 2", "X-B: 1", "x-lower: kept", "Content-Length: 6")
	if got.status != "200 OK" || got.err != nil || got.stderr != "" {
		t.Errorf("got %q, %v, stderr %q", got.status, got.err, got.stderr)
	}
}

func TestDeclaredTrailers(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "x")
		w.Header().Set("X-Sum", "1")
	}, environ(), "")
	wantFields(t, got, "Content-Type: text/plain", "Content-Length: 1")
}

func TestContentLength(t *testing.T) {
	tests := []struct {
		name     string
		declared http.Header
		writes   []string
		errs     string // errors of the writes
		status   string
		body     string
	}{
		{"exact", http.Header{"Content-Length": {"5"}}, []string{"hello"}, "<nil>", "200 OK", "hello"},
		{"with a sign", http.Header{"Content-Length": {"+5"}}, []string{"hello"}, "<nil>", "200 OK", "hello"},
		{"sent twice", http.Header{"Content-Length": {"5", "5"}}, []string{"hello"}, "<nil>", "200 OK", "hello"},
		{"other spelling", http.Header{"content-length": {"77"}}, []string{"hello"}, "<nil>", "200 OK", "hello"},
		{"no number", http.Header{"Content-Length": {"x"}}, []string{"hello"}, "<nil>", "200 OK", "hello"},
		{"negative", http.Header{"Content-Length": {"-5"}}, []string{"hello"}, "<nil>", "200 OK", "hello"},
		{"more, apart", http.Header{"Content-Length": {"5"}}, []string{"hello", "x"}, "<nil> " + http.ErrContentLength.Error(), "200 OK", "hello"},
		{"more, in one", http.Header{"Content-Length": {"5"}}, []string{"hello!"}, http.ErrContentLength.Error(), "500 Internal Server Error", ""},
		{"less", http.Header{"Content-Length": {"5"}}, []string{"hell"}, "<nil>", "500 Internal Server Error", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var errs []string
			got := runHandler(func(w http.ResponseWriter, r *http.Request) {
				for name, values := range tt.declared {
					w.Header()[name] = values
				}
				for _, s := range tt.writes {
					_, err := w.Write([]byte(s))
					errs = append(errs, fmt.Sprint(err))
				}
			}, environ(), "")
			if got.status != tt.status || tt.body != "" && (got.body != tt.body || got.field("Content-Length") != fmt.Sprint(len(tt.body))) {
				t.Errorf("got %q, %q, %q", got.status, got.fields, got.body)
			}
			if strings.Join(errs, " ") != tt.errs {
				t.Errorf("got errors %q; want %q", errs, tt.errs)
			}
		})
	}
}

// TestConnectionOptions: fields that a Connection field names belong to one connection (RFC 9110
// section 7.6.1).
func TestConnectionOptions(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Connection"] = []string{"close, X-Hop", "content-type"}
		w.Header()["connection"] = []string{"x-next"}
		w.Header().Set("X-Hop", "1")
		w.Header()["X-NEXT"] = []string{"1", "2"}
		w.Header().Set("X-Kept", "1")
		w.Header().Set("Content-Type", "a/b")
	}, environ(), "")
	wantFields(t, got, "Content-Type: a/b", "X-Kept: 1", "Content-Length: 0")
}

func TestBodyNotAllowed(t *testing.T) {
	for _, code := range []int{204, 205, 304} {
		got := runHandler(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `"x"`)
			w.WriteHeader(code)
			if _, err := io.WriteString(w, "x"); err != http.ErrBodyNotAllowed {
				t.Errorf("%d: Write: got %v; want %v", code, err, http.ErrBodyNotAllowed)
			}
			if _, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("x")}); err != http.ErrBodyNotAllowed {
				t.Errorf("%d: ReadFrom: got %v; want %v", code, err, http.ErrBodyNotAllowed)
			}
			if n, err := w.Write(nil); n != 0 || err != nil {
				t.Errorf("%d: Write of nothing: got %d, %v", code, n, err)
			}
		}, environ(), "")
		wantFields(t, got, `Etag: "x"`)
		if got.body != "" || got.err != nil {
			t.Errorf("%d: got %q, %v", code, got.body, got.err)
		}
	}
}

func TestResponseController(t *testing.T) {
	runHandler(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		if err := c.EnableFullDuplex(); err != nil {
			t.Errorf("EnableFullDuplex: %v", err)
		}
		if err := c.Flush(); err != nil {
			t.Errorf("Flush: %v", err)
		}
		if _, _, err := c.Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: got %v; want %v", err, http.ErrNotSupported)
		}
		if err := errors.Join(c.SetReadDeadline(time.Now()), c.SetWriteDeadline(time.Now())); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("deadlines: got %v; want %v", err, http.ErrNotSupported)
		}
	}, environ(), "")
}

// flushes is a Stdout that records what was written before each Flush.
type flushes struct {
	bytes.Buffer
	seen []string
}

func (f *flushes) Flush() error {
	f.seen = append(f.seen, f.String())
	f.Reset()
	return nil
}

// net/http/cgi and net/http/fcgi send nothing at a Flush before the first byte.
func TestFlush(t *testing.T) {
	var out flushes
	h := gateway.BaseCGIHandler{Environ: environ(), Stdout: &out}
	err := h.Run(t.Context(), httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		io.WriteString(w, "<html>")
		w.(http.Flusher).Flush()
	})))
	// flushed before the first byte: nothing to sniff, as in net/http
	want := []string{"Status: 200 OK\r\n\r\n", "<html>"}
	if err != nil || !slices.Equal(out.seen, want) {
		t.Errorf("got %q, %v; want %q", out.seen, err, want)
	}
}

func TestAbort(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, environ(), "")
	if !errors.Is(got.err, gateway.ErrAbort) || got.status != "" || got.stderr != "" {
		t.Errorf("got %v, %q, stderr %q; want %v and nothing", got.err, got.status, got.stderr, gateway.ErrAbort)
	}
}

// The logged stack must include the handler, not only the place where the panic was recovered.
func TestPanic(t *testing.T) {
	got := runHandler(faulty, environ(), "")
	if got.status != "500 Internal Server Error" || got.err != nil || strings.Contains(got.body, "at fault") {
		t.Errorf("got %q, %q, %v", got.status, got.body, got.err)
	}
	if !strings.Contains(got.stderr, "panic: at fault") || !strings.Contains(got.stderr, "httpapp_test.faulty") {
		t.Errorf("got stderr %q", got.stderr)
	}
}

func faulty(http.ResponseWriter, *http.Request) { panic("at fault") }

// files is a Stdout with SendFile.
type files struct {
	bytes.Buffer
	sent []string // for each SendFile, the length and the number of bytes sent before
}

func (f *files) SendFile(file gateway.File, n int64) (int64, error) {
	f.sent = append(f.sent, fmt.Sprintf("%T %d", file, n))
	return io.Copy(&f.Buffer, io.LimitReader(file, n))
}

// http.ServeContent and http.FileServer pass their file to the gateway, which uses sendfile(2) on a
// socket.
func TestServeContentSendsTheFile(t *testing.T) {
	dir := t.TempDir()
	content := strings.Repeat("0123456789", 1000)
	if err := os.WriteFile(filepath.Join(dir, "f.txt"), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var out files
	h := gateway.BaseCGIHandler{Environ: environ("REQUEST_URI", "/f.txt"), Stdout: &out}
	if err := h.Run(t.Context(), httpapp.New(http.FileServer(http.Dir(dir)))); err != nil {
		t.Fatal(err)
	}
	if want := []string{"*os.File 10000"}; !slices.Equal(out.sent, want) || !strings.HasSuffix(out.String(), "\r\n\r\n"+content) {
		t.Errorf("got %q; want %q", out.sent, want)
	}
	out = files{}
	h.Environ = environ("REQUEST_URI", "/f.txt", "HTTP_RANGE", "bytes=5-8")
	if err := h.Run(t.Context(), httpapp.New(http.FileServer(http.Dir(dir)))); err != nil {
		t.Fatal(err)
	}
	if want := []string{"*os.File 4"}; !slices.Equal(out.sent, want) || !strings.HasSuffix(out.String(), "\r\n\r\n5678") {
		t.Errorf("range: got %q, %q; want %q", out.sent, out.String(), want)
	}
}

// The type of a file is sniffed from its first bytes if it is not set. The rest is still sent by
// SendFile.
func TestReadFromSniffs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	content := "<html>" + strings.Repeat("x", 1000)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	var out files
	h := gateway.BaseCGIHandler{Environ: environ(), Stdout: &out}
	err := h.Run(t.Context(), httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(path)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		if n, err := w.(io.ReaderFrom).ReadFrom(io.LimitReader(f, 900)); n != 900 || err != nil {
			t.Errorf("got %d, %v; want 900", n, err)
		}
	})))
	if err != nil || !strings.Contains(out.String(), "text/html") || !strings.HasSuffix(out.String(), "\r\n\r\n"+content[:900]) {
		t.Errorf("got %q, %v", out.String(), err)
	}
	if want := []string{"*os.File 388"}; !slices.Equal(out.sent, want) {
		t.Errorf("got %q; want %q", out.sent, want)
	}
}

func TestReadFromPastLength(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "3")
		w.Header().Set("Content-Type", "text/plain")
		n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("abcdef")})
		if n != 3 || err != http.ErrContentLength {
			t.Errorf("got %d, %v; want 3, %v", n, err, http.ErrContentLength)
		}
	}, environ(), "")
	if got.body != "abc" || got.err != nil {
		t.Errorf("got %q, %v", got.body, got.err)
	}
}

// Bytes that ReadFrom sent count for the next Write.
func TestWriteAfterReadFrom(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "4")
		w.Header().Set("Content-Type", "text/plain")
		if n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("abc")}); n != 3 || err != nil {
			t.Errorf("ReadFrom: got %d, %v", n, err)
		}
		if n, err := w.Write([]byte("de")); n != 0 || err != http.ErrContentLength {
			t.Errorf("Write: got %d, %v; want 0, %v", n, err, http.ErrContentLength)
		}
	}, environ(), "")
	if got.status != "500 Internal Server Error" {
		t.Errorf("got %q; want 500 for the byte that is missing", got.status)
	}
}

type brokenReader struct{ err error }

func (b brokenReader) Read([]byte) (int, error) { return 0, b.err }

func TestReadFromBrokenSource(t *testing.T) {
	broken := errors.New("broken")
	for _, typ := range []string{"", "text/plain"} { // sniffed and not
		runHandler(func(w http.ResponseWriter, r *http.Request) {
			if typ != "" {
				w.Header().Set("Content-Type", typ)
			}
			if _, err := io.Copy(w, io.MultiReader(strings.NewReader("abc"), brokenReader{broken})); err != broken {
				t.Errorf("type %q: got %v; want %v", typ, err, broken)
			}
		}, environ(), "")
	}
}

// plain is a gateway.ResponseWriter with which an App wraps the server's. It has no ReadFrom and no
// WriteString.
type plain struct{ w gateway.ResponseWriter }

func (p plain) Headers() *headers.Headers   { return p.w.Headers() }
func (p plain) Start(status string) error   { return p.w.Start(status) }
func (p plain) Write(b []byte) (int, error) { return p.w.Write(b) }
func (p plain) Flush() error                { return p.w.Flush() }

func TestAppAround(t *testing.T) {
	inner := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := w.Header().Get("Server"); got != "outer" {
			t.Errorf("got Server %q; want what the App around has set", got)
		}
		w.Header().Del("X-Gone")
		w.Header().Add("Vary", "Cookie")
		io.WriteString(w, "<html>")
		io.Copy(w, struct{ io.Reader }{strings.NewReader("copied")})
	}))
	got := run(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Add("Server", "outer")
		w.Headers().Add("X-Gone", "1")
		w.Headers().Add("Vary", "Accept")
		return inner.ServeGateway(plain{w}, r)
	}), environ(), "")
	wantFields(t, got, "Server: outer", "Vary: Accept", "Vary: Cookie", "Content-Type: text/html; charset=utf-8", "Content-Length: 12")
	if got.body != "<html>copied" {
		t.Errorf("got %q", got.body)
	}
}

func TestAfterwards(t *testing.T) {
	var kept http.ResponseWriter
	runHandler(func(w http.ResponseWriter, r *http.Request) { kept = w }, environ(), "")
	if _, err := kept.Write([]byte("x")); !errors.Is(err, gateway.ErrFinished) {
		t.Errorf("got %v; want %v", err, gateway.ErrFinished)
	}
}

func TestPeerGone(t *testing.T) {
	gone := io.ErrClosedPipe
	pr, pw := io.Pipe()
	pr.CloseWithError(gone)
	var stderr bytes.Buffer
	h := gateway.BaseCGIHandler{Environ: environ(), Stdout: pw, Stderr: &stderr}
	err := h.Run(t.Context(), httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, gone) {
			t.Errorf("Flush: got %v; want %v", err, gone)
		}
	})))
	if !gateway.PeerGone(err) || stderr.Len() > 0 {
		t.Errorf("got %v, stderr %q", err, &stderr)
	}
}

type key struct{}

func TestContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	defer cancel()
	h := gateway.BaseCGIHandler{Environ: environ("REMOTE_USER", "joe"), Stdout: io.Discard}
	var after context.Context
	err := h.Run(ctx, httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		after = r.Context()
		if got := r.Context().Value(key{}); got != "value" {
			t.Errorf("got %v; want the parent's value", got)
		}
		child, stop := context.WithCancel(r.Context())
		defer stop()
		if httpapp.Environ(r.WithContext(child)).Get("REMOTE_USER") != "joe" || httpapp.Request(r).Stderr == nil {
			t.Error("environ or request not found")
		}
		cancel()
		<-child.Done()
	})))
	if err != nil || after.Err() == nil {
		t.Errorf("got %v; the context ended with %v", err, after.Err())
	}
}

func TestRequestOutside(t *testing.T) {
	r, _ := http.NewRequest("GET", "/", nil)
	if httpapp.Request(r) != nil || httpapp.Environ(r) != nil || httpapp.Environ(r).Get("X") != "" {
		t.Error("a request that did not come through New has a gateway request")
	}
}
