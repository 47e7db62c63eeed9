//go:build unix

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/webdav"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// newWebDAV returns a WebDAV server of files in memory.
func newWebDAV() http.Handler {
	return &webdav.Handler{FileSystem: webdav.NewMemFS(), LockSystem: webdav.NewMemLS()}
}

// TestLitmus runs litmus, the WebDAV test suite, on net/http and on every transport. A different
// result is a bug of the transport.
func TestLitmus(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "litmus")
	plain := httptest.NewServer(newWebDAV())
	defer plain.Close()
	want := litmus(t, plain.URL)
	if passed := strings.Count(want, " pass"); passed < 50 {
		t.Fatalf("%d tests pass with net/http; want 50 or more:\n%s", passed, webserver.Excerpt(want))
	}
	for _, listener := range matrixListeners {
		t.Run(listener, func(t *testing.T) {
			t.Parallel()
			compareLitmus(t, litmus(t, listenBy(t, listener, httpapp.New(newWebDAV()))), want)
		})
	}
	t.Run("fastcgi by nethttp", func(t *testing.T) {
		t.Parallel()
		c := &fastcgi.Client{Addr: serveOn(t, &nethttp.Server{App: httpapp.New(newWebDAV()), ErrorLog: quiet})}
		defer c.Close()
		s := httptest.NewServer(&host.Handler{Backend: c, ErrorLog: quiet})
		defer s.Close()
		compareLitmus(t, litmus(t, s.URL), want)
	})
}

// litmus runs the suite at url and returns a line for each test.
func litmus(t *testing.T, url string) string {
	t.Helper()
	c := exec.Command(webserver.Find(t, "litmus"), "--keep-going", url+"/")
	c.Dir = t.TempDir() // for its logs
	c.Env = append(os.Environ(), "no_proxy=*")
	// its exit status reports failed tests, and some fail with net/http too
	out, _ := c.CombinedOutput()
	lines := regexp.MustCompile(`\d+\. \w+\.* [^\s.][^\r\n]*`).FindAllString(string(out), -1)
	return strings.Join(lines, "\n")
}

func compareLitmus(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(gotLines), len(wantLines)) {
		if gotLines[i] != wantLines[i] {
			t.Fatalf("got %.300q; want, as with net/http, %.300q", gotLines[i], wantLines[i])
		}
	}
	t.Errorf("got %d lines; want %d, as with net/http", len(gotLines), len(wantLines))
}
