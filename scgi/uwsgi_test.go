package scgi_test

import (
	"bytes"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// uwsgiApp does what its query says.
const uwsgiApp = `import hashlib

def application(environ, start_response):
    do = environ.get("QUERY_STRING", "")
    fields = [("Content-Type", "text/plain")]
    if do == "large":
        start_response("200 OK", fields)
        return (b"x" * 50000 for _ in range(200))
    if do == "early":
        start_response("403 Not For You", fields + [("Content-Length", "5")])
        return [b"early"]
    if do == "break":
        start_response("200 OK", fields + [("Content-Length", "100")])
        return broken()
    n = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(n)
    start_response("202 Accepted", fields + [("X-Path", environ["SCRIPT_NAME"] + "|" + environ["PATH_INFO"])])
    text = "%s %d %s" % (environ["REQUEST_METHOD"], len(body), hashlib.md5(body).hexdigest())
    return [text.encode()]

def broken():
    yield b"begun"
    raise Exception("on purpose")
`

const uwsgiPatience = 20 * time.Second

// uwsgi runs uWSGI with a process for SCGI over TCP, and over a unix socket with a status line of
// HTTP in place of Status.
func uwsgi(t *testing.T) (tcp, nph string) {
	t.Helper()
	// the plugin, which Debian packs apart, by its own name
	binary := webserver.Find(t, "uwsgi_python3")
	dir := webserver.Dir(t)
	app, log, socket := filepath.Join(dir, "app.py"), filepath.Join(dir, "log"), filepath.Join(dir, "s")
	if err := os.WriteFile(app, []byte(uwsgiApp), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(binary, "--scgi-socket", "127.0.0.1:0", "--scgi-nph-socket", socket, "--wsgi-file", app, "--need-app", "--disable-logging")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if text, _ := os.ReadFile(log); t.Failed() {
			t.Logf("uWSGI logged:\n%s", text)
		}
	})
	ready := regexp.MustCompile(`bound to TCP address (127\.0\.0\.1:\d+)(?s:.*)spawned uWSGI worker`)
	for end := time.Now().Add(uwsgiPatience); ; time.Sleep(time.Millisecond) { // a look at a file
		text, _ := os.ReadFile(log)
		if m := ready.FindSubmatch(text); m != nil {
			return string(m[1]), "unix:" + socket
		}
		if time.Now().After(end) {
			t.Fatalf("uWSGI does not start:\n%s", text)
		}
	}
}

// TestUWSGI runs Python applications in uWSGI, over its two forms of SCGI.
func TestUWSGI(t *testing.T) {
	tcp, nph := uwsgi(t)
	for name, addr := range map[string]string{"status": tcp, "nph": nph} {
		t.Run(name, func(t *testing.T) {
			c := &scgi.Client{Addr: addr, FirstByteTimeout: uwsgiPatience}
			defer c.Close()
			t.Run("client", func(t *testing.T) { uwsgiByClient(t, c) })
			t.Run("http", func(t *testing.T) { uwsgiOverHTTP(t, c) })
		})
	}
}

// uwsgiSizes are of bodies that fit the head's packet, that are in memory, and that are more than a
// socket takes.
var uwsgiSizes = []int{0, 1, 30_000, 3 << 20}

func uwsgiByClient(t *testing.T, c *scgi.Client) {
	for _, size := range uwsgiSizes {
		body := bytes.Repeat([]byte("b"), size)
		for _, in := range []io.Reader{bytes.NewReader(body), struct{ io.Reader }{bytes.NewReader(body)}} {
			resp, got, err := askUWSGI(c, "POST", "", in, size)
			if want := fmt.Sprintf("POST %d %x", size, md5.Sum(body)); err != nil || got != want || resp.Status != "202 Accepted" {
				t.Errorf("%d bytes: got %+v, %q, %v; want %q", size, resp, got, err, want)
			}
		}
	}
	if _, got, err := askUWSGI(c, "GET", "large", nil, 0); len(got) != 10_000_000 || err != nil {
		t.Errorf("large: got %d bytes, %v", len(got), err)
	}
	resp, got, err := askUWSGI(c, "POST", "early", struct{ io.Reader }{bytes.NewReader(make([]byte, 30<<20))}, 30<<20)
	if err != nil || got != "early" || resp.Status != "403 Not For You" {
		t.Errorf("early: got %+v, %q, %v", resp, got, err)
	}
	_, got, err = askUWSGI(c, "GET", "break", nil, 0)
	if broken := new(gateway.BackendError); got != "begun" || !errors.As(err, &broken) {
		t.Errorf("break: got %q, %v; want an error behind what came", got, err)
	}
	if s := c.Stats(); s.Active != 0 {
		t.Errorf("got %+v; want no request under way", s)
	}
}

func askUWSGI(c *scgi.Client, method, query string, body io.Reader, size int) (*gateway.Response, string, error) {
	e := util.NewEnviron()
	for _, pair := range [][2]string{
		{"REQUEST_METHOD", method}, {"REQUEST_URI", "/x?" + query}, {"SCRIPT_NAME", ""}, {"PATH_INFO", "/x"}, {"QUERY_STRING", query},
		{"CONTENT_LENGTH", fmt.Sprint(size)}, {"SERVER_NAME", "localhost"}, {"SERVER_PORT", "80"}, {"SERVER_PROTOCOL", "HTTP/1.1"},
	} {
		e.Add(pair[0], pair[1])
	}
	resp, err := c.RoundTrip(&gateway.Request{Environ: e, Stdin: body})
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, string(got), err
}

func uwsgiOverHTTP(t *testing.T, c *scgi.Client) {
	s := httptest.NewServer(&host.Handler{Backend: c, Mount: "/app"})
	defer s.Close()
	get := func(method, query string, body io.Reader) (*http.Response, string, error) {
		r, err := http.NewRequest(method, s.URL+"/app/a%20b?"+query, body)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := (&http.Client{Timeout: uwsgiPatience}).Do(r)
		if err != nil {
			t.Fatalf("%s %s: %v", method, query, err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		return resp, string(got), err
	}
	for _, size := range uwsgiSizes {
		body := strings.Repeat("b", size)
		for _, in := range []io.Reader{strings.NewReader(body), struct{ io.Reader }{strings.NewReader(body)}} { // the second in chunks
			resp, got, err := get("POST", "", in)
			want := fmt.Sprintf("POST %d %x", size, md5.Sum([]byte(body)))
			if err != nil || got != want || resp.StatusCode != 202 || resp.Header.Get("X-Path") != "/app|/a b" {
				t.Errorf("%d bytes: got %+v, %q, %v; want %q", size, resp, got, err, want)
			}
		}
	}
	if _, got, err := get("GET", "large", nil); len(got) != 10_000_000 || err != nil {
		t.Errorf("large: got %d bytes, %v", len(got), err)
	}
	if resp, got, err := get("POST", "early", strings.NewReader(strings.Repeat("b", 1<<20))); resp.StatusCode != 403 || got != "early" || err != nil {
		t.Errorf("early: got %s, %q, %v", resp.Status, got, err)
	}
	// nothing had gone to the client
	if resp, got, err := get("GET", "break", nil); resp.StatusCode != 502 || err != nil {
		t.Errorf("break: got %s, %q, %v; want 502", resp.Status, got, err)
	}
}
