package host_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// files returns a handler for the files below root.
func files(root string) http.Handler {
	return &httpapp.AppHandler{App: &host.Files{Root: root, ErrorLog: quiet}, ErrorLog: quiet}
}

func TestFiles(t *testing.T) {
	root := site(t, "www/page.txt", "www/sub/index.html", "www/list/b.txt", "www/list/a&b.txt", "www/list/c:d/x", "www/list/.hidden",
		"www/.env", "www/.git/config", "www/.well-known/x.txt", "www/index.html/page.txt", "secret.txt", "www/sp ace/index.html")
	h := files(filepath.Join(root, "www"))
	for target, want := range map[string]struct {
		status int
		body   string
	}{
		"/page.txt":                    {200, "www/page.txt"},
		"/page.txt?x":                  {200, "www/page.txt"},
		"/p%61ge.txt":                  {200, "www/page.txt"},
		"/sub/":                        {200, "www/sub/index.html"},
		"/sub/index.html":              {200, "www/sub/index.html"},
		"/.well-known/x.txt":           {200, "www/.well-known/x.txt"},
		"/sub//../page.txt":            {200, "www/page.txt"},
		"/page.txt/":                   {404, "There is nothing here.\n"},
		"/page.txt/more":               {404, "There is nothing here.\n"},
		"/nothing":                     {404, "There is nothing here.\n"},
		"/.env":                        {404, "There is nothing here.\n"},
		"/.git/config":                 {404, "There is nothing here.\n"},
		"/.git/":                       {404, "There is nothing here.\n"},
		"/.git":                        {404, "There is nothing here.\n"},
		"/list/.hidden":                {404, "There is nothing here.\n"},
		"/sub%2findex.html":            {404, "There is nothing here.\n"},
		"/%2e%2e%2fsecret.txt":         {404, "There is nothing here.\n"},
		"/%ff":                         {404, "There is nothing here.\n"},
		"/" + strings.Repeat("x", 300): {404, "There is nothing here.\n"},
	} {
		if a := get(t, h, target); a.status != want.status || a.body != want.body || a.header.Get("X-Content-Type-Options") != nosniff(a) {
			t.Errorf("%s: got %+v; want %v", target, a, want)
		}
	}
	for _, target := range []string{"/../secret.txt", "/sub/../../secret.txt", "/%2e%2e/secret.txt"} {
		if a := get(t, h, target); a.status < 400 || strings.Contains(a.body, "secret") {
			t.Errorf("%s: got %+v", target, a)
		}
	}
	for target, want := range map[string]string{"/sub?x=y": "sub/?x=y", "/list/c:d": "./c:d/", "/sp%20ace": "sp%20ace/"} {
		if a := get(t, h, target); a.status != 301 || a.header.Get("Location") != want {
			t.Errorf("%s: got %+v; want the location %s", target, a, want)
		}
	}
}

// nosniff returns the X-Content-Type-Options that an answer must have. Pages of the gateway have a
// type, and need none.
func nosniff(a answer) string {
	if a.status == 200 {
		return "nosniff"
	}
	return ""
}

func TestFilesList(t *testing.T) {
	root := site(t, "b.txt", "a&b.txt", "c:d/x", ".hidden", ".well-known/x", "index.html/x")
	a := get(t, files(root), "/")
	want := `<a href=".well-known/">.well-known/</a>
<a href="a&b.txt">a&amp;b.txt</a>
<a href="b.txt">b.txt</a>
<a href="./c:d/">c:d/</a>
<a href="index.html/">index.html/</a>
</pre>
`
	if !strings.HasSuffix(a.body, "<pre>\n"+want) || a.header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %+v; want %s", a, want)
	}
}

// TestFilesTypes: the type comes from the extension, never from the content. The types of web pages
// are the same on every machine.
func TestFilesTypes(t *testing.T) {
	root := t.TempDir()
	for name, want := range map[string]string{
		"upload":        "application/octet-stream",
		"upload.":       "application/octet-stream",
		"upload.qzx":    "application/octet-stream",
		"upload.txt":    "text/plain; charset=utf-8",
		"upload.JPG":    "image/jpeg",
		"a.html":        "text/html; charset=utf-8",
		"a.css":         "text/css; charset=utf-8",
		"a.js":          "text/javascript; charset=utf-8",
		"a.mjs":         "text/javascript; charset=utf-8",
		"a.json":        "application/json",
		"a.svg":         "image/svg+xml",
		"a.wasm":        "application/wasm",
		"a.woff2":       "font/woff2",
		"a.tar.gz":      "application/gzip",
		"a.webmanifest": "application/manifest+json",
		"html":          "application/octet-stream",
	} {
		const content = "<!doctype html><script>alert(1)</script>"
		if err := os.WriteFile(filepath.Join(root, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		a := get(t, files(root), "/"+name)
		a.want(t, 200, content)
		if got := a.header.Get("Content-Type"); got != want || a.header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: got %q, %v; want %q and nosniff", name, got, a.header, want)
		}
	}
}

// TestFilesConditions: range and conditional requests and HEAD are answered by net/http.
func TestFilesConditions(t *testing.T) {
	h := files(site(t, "page.txt"))
	whole := get(t, h, "/page.txt")
	get(t, h, "/page.txt", "Range", "bytes=2-3").want(t, 206, "ge")
	get(t, h, "/page.txt", "If-Modified-Since", whole.header.Get("Last-Modified")).want(t, 304, "")
	if a := fetch(t, h, "HEAD", "/page.txt", nil); a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "8" {
		t.Errorf("got %+v; want the length without a body", a)
	}
}

// TestFilesPlain: a request without a condition is answered as net/http answers one whose condition
// holds.
func TestFilesPlain(t *testing.T) {
	root := site(t, "small.txt", "old.txt", "type.qzx", "both.css", "both.css.br", "empty")
	for name, size := range map[string]int64{"empty": 0, "limit.txt": 4 << 10, "large.txt": 4<<10 + 1} {
		if err := errors.Join(os.WriteFile(filepath.Join(root, name), nil, 0o644), os.Truncate(filepath.Join(root, name), size)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chtimes(filepath.Join(root, "old.txt"), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	h := &httpapp.AppHandler{App: &host.Files{Root: root, Precompressed: true, ErrorLog: quiet}, ErrorLog: quiet}
	for _, target := range []string{"/small.txt", "/old.txt", "/type.qzx", "/both.css", "/empty", "/limit.txt", "/large.txt"} {
		for _, method := range []string{"GET", "HEAD"} {
			got := fetch(t, h, method, target, nil)
			want := fetch(t, h, method, target, nil, "If-None-Match", `"other"`)
			got.header.Del("Date")
			want.header.Del("Date")
			if !reflect.DeepEqual(got, want) || got.status != 200 || got.header.Get("Content-Length") == "" {
				t.Errorf("%s %s: got %+v; want %+v", method, target, got, want)
			}
		}
	}
}

// TestFilesETag: the entity tag changes with the size and with the time of the last change, also
// within a second. It is used for conditional and range requests.
func TestFilesETag(t *testing.T) {
	root := site(t, "page.txt")
	h, tags := files(root), make(map[string]bool)
	for i, text := range []string{"one", "two", "other"} {
		path := filepath.Join(root, "page.txt")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		changed := time.Unix(1e9, int64(1000*i))
		if err := os.Chtimes(path, changed, changed); err != nil {
			t.Fatal(err)
		}
		tag := get(t, h, "/page.txt").header.Get("Etag")
		if !strings.HasPrefix(tag, `"`) || tags[tag] {
			t.Errorf("%s: got the ETag %s; want a new, strong one", text, tag)
		}
		tags[tag] = true
		get(t, h, "/page.txt", "If-None-Match", tag).want(t, 304, "")
		get(t, h, "/page.txt", "If-Range", tag, "Range", "bytes=1-1").want(t, 206, text[1:2])
		get(t, h, "/page.txt", "If-Range", `"other"`, "Range", "bytes=1-1").want(t, 200, text)
		get(t, h, "/page.txt", "If-Match", `"other"`).want(t, 412, "")
	}
}

// TestFilesPrecompressed: of the files beside a file, the client gets the one that it prefers.
func TestFilesPrecompressed(t *testing.T) {
	root := site(t, "a.css", "a.css.gz", "a.css.br", "b.js", "b.js.gz/x", "c.txt.gz", "sub/index.html", "sub/index.html.br", ".x.gz")
	h := &httpapp.AppHandler{App: &host.Files{Root: root, Precompressed: true, ErrorLog: quiet}, ErrorLog: quiet}
	tags := make(map[string]bool)
	for _, c := range []struct{ target, accept, body, coding, vary string }{
		{"/a.css", "identity", "a.css", "", "Accept-Encoding"},
		{"/a.css", "gzip, br", "a.css.br", "br", "Accept-Encoding"},
		{"/a.css", "*", "a.css.br", "br", "Accept-Encoding"},
		{"/a.css", "gzip, br;q=0.9", "a.css.gz", "gzip", "Accept-Encoding"},
		{"/a.css", "x-gzip", "a.css.gz", "gzip", "Accept-Encoding"},
		{"/a.css", "gzip;q=0.5, identity", "a.css", "", "Accept-Encoding"},
		{"/a.css", "identity, gzip", "a.css.gz", "gzip", "Accept-Encoding"},
		{"/a.css", "zstd", "a.css", "", "Accept-Encoding"},
		{"/a.css.gz", "gzip", "a.css.gz", "", ""},
		{"/b.js", "gzip", "b.js", "", ""},
		{"/sub/", "br", "sub/index.html.br", "br", "Accept-Encoding"},
	} {
		a := get(t, h, c.target, "Accept-Encoding", c.accept)
		a.want(t, 200, c.body)
		if got := a.header; got.Get("Content-Encoding") != c.coding || got.Get("Vary") != c.vary || got.Get("Content-Length") == "" {
			t.Errorf("%s for %q: got %v; want %q and Vary %q", c.target, c.accept, got, c.coding, c.vary)
		}
		tag := a.header.Get("Etag")
		tags[c.target+c.coding+tag] = true
		if again := get(t, h, c.target, "Accept-Encoding", c.accept, "If-None-Match", tag); again.status != 304 || again.header.Get("Vary") != c.vary {
			t.Errorf("%s for %q: got %+v; want 304", c.target, c.accept, again)
		}
	}
	if len(tags) != 6 {
		t.Errorf("got the ETags %v; want one for each of 6 representations", tags)
	}
	get(t, h, "/c.txt", "Accept-Encoding", "gzip").want(t, 404, "There is nothing here.\n")
	if kind := get(t, h, "/a.css", "Accept-Encoding", "br").header.Get("Content-Type"); kind != "text/css; charset=utf-8" {
		t.Errorf("got %q; want the type of a.css", kind)
	}
}

// TestFilesMethods: only GET and HEAD send a file or a list. nginx answers 405 too, but without the
// Allow that RFC 9110 section 15.5.6 requires.
func TestFilesMethods(t *testing.T) {
	h := files(site(t, "page.txt", "sub/index.html", "list/b.txt"))
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"} {
		for _, target := range []string{"/page.txt", "/sub/", "/list/"} {
			a := fetch(t, h, method, target, strings.NewReader("a=b"))
			if a.status != 405 || a.header.Get("Allow") != "GET, HEAD" || a.body != "Only GET and HEAD are allowed here.\n" {
				t.Errorf("%s %s: got %+v; want 405 and Allow", method, target, a)
			}
		}
		fetch(t, h, method, "/missing", nil).want(t, 404, "There is nothing here.\n")
	}
}

// TestFilesVariables: the variables of a web server, which has split the path or not.
func TestFilesVariables(t *testing.T) {
	root := site(t, "page.txt", "sub/index.html", "a%20b.txt")
	for _, c := range []struct{ environ, want string }{
		{"SCRIPT_NAME=/app PATH_INFO=/page.txt REQUEST_URI=/app/page.txt", "page.txt"},
		{"SCRIPT_NAME=/app/ PATH_INFO=/page.txt REQUEST_URI=/app/page.txt", "page.txt"},
		{"SCRIPT_NAME= PATH_INFO=/page.txt", "page.txt"},
		{"PATH_INFO=/page.txt", "page.txt"},
		{"SCRIPT_NAME=/page.txt", "page.txt"},
		{"REQUEST_URI=/sub/?x", "sub/index.html"},
		{"PATH_INFO=//sub/./", "sub/index.html"},
		{"PATH_INFO=/a%20b.txt", "a%20b.txt"},
		{"SCRIPT_NAME=/app PATH_INFO= QUERY_STRING=x", "301 Moved Permanently, Location: /app/?x"},
		{"SCRIPT_NAME=/app PATH_INFO=/sub", "301 Moved Permanently, Location: sub/"},
		{"PATH_INFO=/../x", "400 Bad Request"},
	} {
		e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"})
		for pair := range strings.SplitSeq(c.environ, " ") {
			name, value, _ := strings.Cut(pair, "=")
			e.Set(name, value)
		}
		var out strings.Builder
		run := gateway.BaseCGIHandler{Environ: e, Stdout: &out, Stderr: io.Discard}
		_ = run.Run(t.Context(), &host.Files{Root: root})
		head, body, _ := strings.Cut(out.String(), "\r\n\r\n")
		got := body
		if status, ok := strings.CutPrefix(head, "Status: "); ok && !strings.HasPrefix(status, "200") {
			got, head, _ = strings.Cut(status, "\r\n")
			if _, location, ok := strings.Cut(head, "Location: "); ok {
				location, _, _ = strings.Cut(location, "\r\n")
				got += ", Location: " + location
			}
		}
		if got != c.want {
			t.Errorf("%s: got %q; want %q", c.environ, got, c.want)
		}
	}
}

// TestFilesMount: no file is sent for a path that is below the mount only as the web server has
// interpreted it, or for a malformed path.
func TestFilesMount(t *testing.T) {
	h := &httpapp.AppHandler{App: &host.Files{Root: site(t, "page.txt", "index.html")}, Mount: "/app"}
	for target, want := range map[string]int{
		"/app/page.txt": 200, "/app//x/../page.txt": 200, "//app/page.txt": 200, "/app/": 200, "/app": 301,
		"/app/../page.txt": 400, "/app/..": 400, "/app/%2e%2e/app/": 200, "/apple": 404, "/page.txt": 404, "/app%2fpage.txt": 404,
	} {
		if w := send(h, "GET", target); w.Code != want {
			t.Errorf("%s: got %d; want %d", target, w.Code, want)
		}
	}
	if w := send(httpapp.Handler(&host.Files{Root: site(t, "index.html")}), "CONNECT", "example.com:443"); w.Code != 405 {
		t.Errorf("CONNECT: got %d; want 405", w.Code)
	}
}

// sender is a Stdout with SendFile.
type sender struct {
	bytes.Buffer
	sent int
}

func (s *sender) SendFile(f gateway.File, n int64) (int64, error) {
	s.sent++
	return io.Copy(&s.Buffer, io.LimitReader(f, n))
}

// TestFilesGoBySendfile: the transport gets the opened file, unless the file is so small that it
// fits into one write with the head.
func TestFilesGoBySendfile(t *testing.T) {
	root := site(t)
	for size, want := range map[int]int{0: 0, 1: 0, 4 << 10: 0, 4<<10 + 1: 1, 1 << 20: 1} {
		text := strings.Repeat("x", size)
		if err := os.WriteFile(filepath.Join(root, "page.txt"), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		out := &sender{}
		e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "PATH_INFO": "/page.txt"})
		run := gateway.BaseCGIHandler{Environ: e, Stdout: out, Stderr: io.Discard}
		if err := run.Run(t.Context(), &host.Files{Root: root}); err != nil || out.sent != want || !strings.HasSuffix(out.String(), "\r\n\r\n"+text) {
			t.Errorf("%d bytes: got %.100q, %d files, %v; want %d", size, out, out.sent, err, want)
		}
	}
}

func TestFilesCheck(t *testing.T) {
	root := site(t, "page.txt")
	for name, ok := range map[string]bool{"": true, "page.txt": false, "missing": false} {
		if err := (&host.Files{Root: filepath.Join(root, name)}).Check(); (err == nil) != ok {
			t.Errorf("%s: got %v", name, err)
		}
	}
	log := &logBuffer{}
	h := &httpapp.AppHandler{App: &host.Files{Root: filepath.Join(root, "missing")}, ErrorLog: log.logger()}
	if a := get(t, h, "/page.txt"); a.status != 500 || !strings.Contains(log.String(), "missing") {
		t.Errorf("got %+v, log %q; want a 500", a, log)
	}
}
