package httpapp_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// The differential test gives each handler the same request three times: under net/http itself, as
// an App that writes to buffers, and as an App that is made a handler again. The three answers must
// be equal.

type differentialCase struct {
	name    string
	method  string // empty is GET
	target  string // empty is /
	fields  http.Header
	body    string
	handler http.HandlerFunc
}

// answer is what the client sees, without what net/http or the web server adds: Date, and the
// framing.
type answer struct {
	status string
	header http.Header
	body   string
}

func newAnswer(status int, header http.Header, body string) answer {
	header = header.Clone()
	for name := range header {
		// Fields that CGI cannot carry are dropped, and so are those of the web server itself.
		if util.IsHopByHop(name) || name == "Date" || name == "Status" {
			delete(header, name)
		}
	}
	return answer{fmt.Sprintf("%d %s", status, http.StatusText(status)), header, body}
}

// check compares an answer with net/http's. It must have a Content-Length if net/http's has one.
// The gateway buffers 4 KiB to find the length, net/http 2.
func (got answer) check(t *testing.T, where string, want answer) {
	t.Helper()
	if got.status != want.status || got.body != want.body {
		t.Errorf("%s: got %s, body %.80q; want %s, %.80q", where, got.status, got.body, want.status, want.body)
	}
	if _, ok := want.header["Content-Length"]; !ok {
		got.header.Del("Content-Length")
	}
	for _, name := range slices.Sorted(maps.Keys(got.header)) {
		if !slices.Equal(got.header[name], want.header[name]) {
			t.Errorf("%s: got %s %q; want %q", where, name, got.header[name], want.header[name])
		}
	}
	for name := range want.header {
		if _, ok := got.header[name]; !ok {
			t.Errorf("%s: no %s; want %q", where, name, want.header[name])
		}
	}
}

func (c differentialCase) request(base string) *http.Request {
	method, target := c.method, c.target
	if method == "" {
		method = "GET"
	}
	if target == "" {
		target = "/"
	}
	r, err := http.NewRequest(method, base+target, strings.NewReader(c.body))
	if err != nil {
		panic(err)
	}
	r.Header = c.fields.Clone()
	if r.Header == nil {
		r.Header = http.Header{}
	}
	r.Header.Set("User-Agent", "test")
	r.Header.Set("Accept-Encoding", "identity")
	return r
}

// overHTTP sends the request to a server with h.
func (c differentialCase) overHTTP(t *testing.T, h http.Handler) answer {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.Start()
	defer s.Close()
	resp, err := s.Client().Transport.RoundTrip(c.request(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return newAnswer(resp.StatusCode, resp.Header, readAll(t, resp.Body))
}

// overBuffers runs h as an App, with the variables of the same request.
func (c differentialCase) overBuffers(t *testing.T) answer {
	t.Helper()
	r := c.request("http://127.0.0.1")
	r.RemoteAddr = "127.0.0.1:1"
	e, err := httpapp.MetaVariables(r, "")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	h := gateway.BaseCGIHandler{Environ: e, Stdin: strings.NewReader(c.body), Stdout: &out, Stderr: io.Discard}
	if err := h.Run(t.Context(), httpapp.New(c.handler)); err != nil {
		t.Fatal(err)
	}
	resp, err := gateway.ReadResponse(io.NopCloser(&out), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	var code int
	fmt.Sscan(resp.Status, &code)
	return newAnswer(code, httpHeader(resp.Headers), readAll(t, resp.Body))
}

func httpHeader(fields *headers.Headers) http.Header {
	header := http.Header{}
	for name, value := range fields.All() {
		header.Add(name, value)
	}
	return header
}

func TestDifferential(t *testing.T) {
	for _, c := range slices.Concat(sniffCases(), responseCases(), requestCases(), fileCases(t)) {
		t.Run(c.name, func(t *testing.T) {
			want := c.overHTTP(t, c.handler)
			c.overBuffers(t).check(t, "over buffers", want)
			roundTrip := &httpapp.AppHandler{App: httpapp.New(c.handler), ErrorLog: slog.New(slog.DiscardHandler)}
			c.overHTTP(t, roundTrip).check(t, "as a handler again", want)
		})
	}
}

// The result of Write if a handler writes more than it declared: refused bytes count, so that no
// later write succeeds.
func TestDifferentialWriteErrors(t *testing.T) {
	var errs []error
	c := differentialCase{handler: func(w http.ResponseWriter, r *http.Request) {
		errs = nil
		w.Header().Set("Content-Length", "2")
		for _, s := range []string{"ab", "cd", "", "c"} {
			_, err := io.WriteString(w, s)
			errs = append(errs, err)
		}
	}}
	want := c.overHTTP(t, c.handler)
	wantErrs := errs
	c.overBuffers(t).check(t, "over buffers", want)
	if !slices.Equal(errs, wantErrs) || errs[1] != http.ErrContentLength || errs[3] != http.ErrContentLength {
		t.Errorf("got %v; want %v", errs, wantErrs)
	}
}

// sniffCases write bodies whose type must be sniffed, at once, in pieces, and from a reader.
func sniffCases() []differentialCase {
	long := strings.Repeat("text ", 200)
	bodies := []struct{ name, body string }{
		{"nothing", ""}, {"html", "<html><body>"}, {"html after space", " \n\t<!DOCTYPE HTML>"}, {"comment", "<!-- x -->"},
		{"xml", "<?xml version=\"1.0\"?>"}, {"text", "hello"}, {"json", `{"a": 1}`}, {"utf-8 mark", "\xef\xbb\xbfabc"},
		{"utf-16", "\xfe\xff\x00a"}, {"png", "\x89PNG\r\n\x1a\n"}, {"gif", "GIF89a"}, {"jpeg", "\xff\xd8\xff"}, {"pdf", "%PDF-1.7"},
		{"postscript", "%!PS-Adobe-"}, {"gzip", "\x1f\x8b\x08"}, {"zip", "PK\x03\x04"}, {"wasm", "\x00asm"}, {"webp", "RIFF0000WEBPVP"},
		{"mp4", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"}, {"binary", "a\x00b"}, {"binary at 511", long[:511] + "\x00"},
		{"binary at 512", long[:512] + "\x00"}, {"long", long}, {"longer than every buffer", strings.Repeat(long, 20)},
	}
	var cases []differentialCase
	for _, b := range bodies {
		cases = append(cases,
			differentialCase{name: "sniff " + b.name, handler: func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(b.body)) }},
			differentialCase{name: "sniff pieces of " + b.name, handler: func(w http.ResponseWriter, r *http.Request) {
				for rest := b.body; rest != ""; rest = rest[min(7, len(rest)):] {
					io.WriteString(w, rest[:min(7, len(rest))])
				}
			}},
			differentialCase{name: "sniff copied " + b.name, handler: func(w http.ResponseWriter, r *http.Request) {
				io.Copy(w, struct{ io.Reader }{strings.NewReader(b.body)})
			}},
			differentialCase{name: "sniff HEAD of " + b.name, method: "HEAD", handler: func(w http.ResponseWriter, r *http.Request) {
				w.Write([]byte(b.body))
			}})
	}
	return cases
}

// withFields writes an HTML page with the given fields.
func withFields(status int, namesAndValues ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for nv := range slices.Chunk(namesAndValues, 2) {
			w.Header()[nv[0]] = append(w.Header()[nv[0]], nv[1])
		}
		w.WriteHeader(status)
		io.WriteString(w, "<html>")
	}
}

func responseCases() []differentialCase {
	return []differentialCase{
		{name: "silent", handler: func(http.ResponseWriter, *http.Request) {}},
		{name: "silent HEAD", method: "HEAD", handler: func(http.ResponseWriter, *http.Request) {}},
		{name: "204", handler: withFields(204, "X-A", "1")},
		{name: "304", handler: withFields(304, "Etag", `"x"`, "Content-Type", "text/plain", "Content-Length", "6")},
		{name: "404", handler: http.NotFound},
		{name: "http.Error", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "99")
			http.Error(w, "<b>no", http.StatusTeapot)
		}},
		{name: "redirect", target: "/a/b?c", handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "../x?y=é", http.StatusFound) }},
		{name: "redirect POST", method: "POST", handler: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusSeeOther) }},
		{name: "repeated fields", handler: withFields(200, "Set-Cookie", "a=1", "Set-Cookie", "b=2", "X-Empty", "")},
		{name: "spaces round values", handler: withFields(200, "X-A", " \t a \t")},
		{name: "typed", handler: withFields(200, "Content-Type", "text/plain")},
		{name: "type suppressed", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		}},
		{name: "encoded", handler: withFields(200, "Content-Encoding", "br")},
		{name: "empty encoding", handler: withFields(200, "Content-Encoding", "")},
		{name: "declared length", handler: withFields(200, "Content-Length", "6")},
		{name: "declared length, HEAD", method: "HEAD", handler: withFields(200, "Content-Length", "6")},
		{name: "length that is no number", handler: withFields(200, "Content-Length", "six")},
		{name: "transfer coding", handler: withFields(200, "Transfer-Encoding", "chunked")},
		{name: "hop-by-hop", handler: withFields(200, "Connection", "X-B", "Keep-Alive", "timeout=5", "Upgrade", "h2c", "Proxy-Connection", "x")},
		{name: "status as a field", handler: withFields(200, "Status", "404")},
		{name: "names that are no token", handler: withFields(200, "Bad Name", "1", "Bad:Name", "1", "Bad\r\nName", "1", "", "1", "Ä", "1")},
		{name: "CR and LF in values", handler: withFields(200, "X-A", "a\r\nSet-Cookie: b", "X-B", "\na\r")},
		{name: "obs-text", handler: withFields(200, "X-A", "\xe4 \xc3\xa4")},
		{name: "trailers declared", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Trailer", "X-T")
			io.WriteString(w, "text")
			w.Header().Set("X-T", "1")
		}},
		{name: "trailers undeclared", handler: func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "text")
			w.Header().Set(http.TrailerPrefix+"X-T", "1")
		}},
		{name: "second WriteHeader", handler: func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(202); w.WriteHeader(500) }},
		{name: "early hints", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</s.css>")
			w.WriteHeader(103)
			w.WriteHeader(200)
		}},
		{name: "fields after WriteHeader", handler: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(200)
			w.Header().Set("X-Late", "1")
			w.Header().Set("Content-Type", "text/late")
			io.WriteString(w, "<html>")
		}},
		{name: "fields after the first byte", handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-A", "1")
			io.WriteString(w, "<html>")
			w.Header().Set("X-A", "2")
		}},
		{name: "flushed before the first byte", handler: func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			io.WriteString(w, "<html>")
		}},
		{name: "flushed within the sniffed bytes", handler: func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "<ht")
			w.(http.Flusher).Flush()
			io.WriteString(w, "ml>")
		}},
	}
}

// requestCases answer with the request that the handler got.
func requestCases() []differentialCase {
	dump := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		user, password, ok := r.BasicAuth()
		header := r.Header.Clone()
		fmt.Fprintf(w, "%s %q %q path=%q raw=%q query=%q scheme=%q\nhost=%q proto=%s %d.%d\nlength=%d body=%q %v tls=%t\n%q %q %t\n%q",
			r.Method, r.RequestURI, r.URL, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.URL.Scheme, strings.SplitN(r.Host, ":", 2)[0],
			r.Proto, r.ProtoMajor, r.ProtoMinor, r.ContentLength, body, err, r.TLS != nil, user, password, ok, header)
	}
	form := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%q %q %v", r.FormValue("a"), r.PostFormValue("a"), r.PostForm)
	}
	return []differentialCase{
		{name: "GET", target: "/a/b?c=d&e", handler: dump},
		{name: "encoded slash", target: "/a%2Fb//c%20d/%E3%81%82;x=1,y/%252c", handler: dump},
		{name: "dots", target: "/a/../b/./c", handler: dump},
		{name: "empty query", target: "/?", handler: dump},
		{name: "odd query", target: "/?a;b=%zz&c[]={}|'\"", handler: dump},
		{name: "body", method: "POST", body: "a body", fields: http.Header{"Content-Type": {"text/x"}}, handler: dump},
		{name: "form", method: "POST", target: "/?a=1", body: "a=2&b=3", fields: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, handler: form},
		{name: "fields", fields: http.Header{"X-Some-Field": {"1"}, "Cookie": {"a=1; b=2"}, "Authorization": {"Basic am9lOnNlY3JldA=="}}, handler: dump},
		{name: "extension method", method: "PROPFIND", body: "x", handler: dump},
		{name: "mux", target: "/item/a%2Fb", handler: func(w http.ResponseWriter, r *http.Request) {
			mux := http.NewServeMux()
			mux.HandleFunc("GET /item/{id}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.PathValue("id"), r.Pattern) })
			mux.ServeHTTP(w, r)
		}},
	}
}

// fileCases send files.
func fileCases(t *testing.T) []differentialCase {
	dir := t.TempDir()
	write := func(name, content string) {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		when := time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
		if err := os.Chtimes(path, when, when); err != nil {
			t.Fatal(err)
		}
	}
	write("small.txt", "0123456789")
	write("large.bin", strings.Repeat("0123456789abcdef", 10_000))
	write("untyped", "<html>"+strings.Repeat("x", 5000))
	server := http.FileServer(http.Dir(dir)).ServeHTTP
	served := func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "f.css", time.Time{}, strings.NewReader("p {}"))
	}
	cases := []differentialCase{
		{name: "ServeContent", handler: served},
		{name: "ServeContent HEAD", method: "HEAD", handler: served},
		{name: "ServeContent range", fields: http.Header{"Range": {"bytes=1-2"}}, handler: served},
		{name: "file copied without a type", handler: func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(filepath.Join(dir, "untyped"))
			if err != nil {
				panic(err)
			}
			defer f.Close()
			io.Copy(w, f)
		}},
	}
	for _, name := range []string{"small.txt", "large.bin", "untyped", "missing", ""} {
		for _, fields := range []http.Header{
			nil, {"Range": {"bytes=2-5"}}, {"Range": {"bytes=-3"}}, {"Range": {"bytes=9999999-"}},
			{"If-Modified-Since": {"Wed, 03 Jan 2024 00:00:00 GMT"}},
		} {
			cases = append(cases,
				differentialCase{name: fmt.Sprintf("FileServer %q %v", name, fields), target: "/" + name, fields: fields, handler: server},
				differentialCase{name: fmt.Sprintf("FileServer HEAD %q %v", name, fields), method: "HEAD", target: "/" + name, fields: fields, handler: server})
		}
	}
	return cases
}
