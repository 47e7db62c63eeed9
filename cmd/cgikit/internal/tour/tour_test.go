package tour

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
)

// startTour starts a tour with its folder below dir, and stops it when the test ends.
func startTour(t *testing.T, dir string, script *cgi.Script) *Tour {
	t.Helper()
	setTempDir(t, dir)
	tour, err := Start(Config{App: demo.App(), CGI: script, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tour.Shutdown(context.Background()) })
	return tour
}

// setTempDir makes dir the folder for temporary files.
func setTempDir(t *testing.T, dir string) {
	t.Helper()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir) // Windows
}

func script(t *testing.T) *cgi.Script {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &cgi.Script{Path: program, Env: []string{childVariable + "=1"}}
}

// get requests path from the tour, with fields of name and value.
func get(tour *Tour, path string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil)
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	tour.ServeHTTP(w, r)
	return w
}

func TestEveryDeploymentAnswers(t *testing.T) {
	tour := startTour(t, t.TempDir(), script(t))
	body := get(tour, "/", "X-Test", "seen").Body.String()
	for _, want := range []string{
		"has just answered 4 requests",
		`<th scope="row">HTTP_X_TEST</th><td>seen</td><td>seen</td><td>seen</td><td>seen</td>`,
		`<tr class="differs"><th scope="row">SCRIPT_NAME</th><td>/http</td><td>/fastcgi</td><td>/scgi</td><td>/cgi</td>`,
		`<span>adds</span> <code>SCGI</code> the version of the protocol`,
		`<span>adds</span> <code>CONTENT_LENGTH</code> the first variable`,
		`<span>adds</span> <code>` + childVariable + `</code> from the environment of the process`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("got a page without %q", want)
		}
	}
	if strings.Contains(body, "another order") { // every protocol keeps the order
		t.Error("got a page that tells of another order")
	}
	for _, link := range []string{"/", "/form", "/file", "/stream", "/environ", "/panic", "/panic?late"} {
		for _, mount := range []string{"/http", "/fastcgi", "/scgi", "/cgi"} {
			if !strings.Contains(body, `href="`+mount+link+`"`) {
				t.Errorf("got a page without a link to %s%s", mount, link)
			}
		}
	}
}

// Each deployment sees its own mount.
func TestDeploymentsAreMounted(t *testing.T) {
	tour := startTour(t, t.TempDir(), script(t))
	for _, mount := range []string{"/http", "/fastcgi", "/scgi", "/cgi"} {
		body := get(tour, mount+"/environ?a=b").Body.String()
		for _, want := range []string{"SCRIPT_NAME=" + mount + "\n", "PATH_INFO=/environ\n", "QUERY_STRING=a=b\n"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: got no %q in %q", mount, want, body)
			}
		}
	}
}

func TestPageEscapesEverything(t *testing.T) {
	tour := startTour(t, t.TempDir(), script(t))
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.Header.Set("X-Other", `"><script>alert(1)</script>`)
	r.Header.Set("X-Attack", `"><script>alert(2)</script>`)
	w := httptest.NewRecorder()
	tour.ServeHTTP(w, r)
	body := w.Body.String()
	if strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script&gt;alert(1)") || !strings.Contains(body, "&lt;script&gt;alert(2)") {
		t.Errorf("got a page that is not escaped:\n%s", body)
	}
	if got := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(got, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("got Content-Security-Policy %q", got)
	}
}

// One deployment that fails must not hide the others.
func TestPageShowsAFailure(t *testing.T) {
	tour := startTour(t, t.TempDir(), &cgi.Script{Path: filepath.Join(t.TempDir(), "<b>missing")})
	body := get(tour, "/").Body.String()
	for _, want := range []string{"It answered 3 of 4 requests", "<strong>No answer.</strong>", "&lt;b&gt;missing", "<td>/scgi</td>"} {
		if !strings.Contains(body, want) {
			t.Errorf("got a page without %q", want)
		}
	}
}

func TestPageIsAtTheRootOnly(t *testing.T) {
	tour := startTour(t, t.TempDir(), script(t))
	if got := get(tour, "/nothing").Code; got != http.StatusNotFound {
		t.Errorf("got %d for another path; want 404", got)
	}
	w := httptest.NewRecorder()
	tour.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "http://localhost/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("got %d to a POST; want 405", w.Code)
	}
}

func TestShutdownLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	tour := startTour(t, dir, script(t))
	if err := tour.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v left, error %v", left, err)
	}
	if got := get(tour, "/scgi/").Code; got != http.StatusBadGateway {
		t.Errorf("got status %d after the end; want 502", got)
	}
}

// A request that does not end must not stop the demo from ending.
func TestShutdownBreaksOffWhatTakesTooLong(t *testing.T) {
	dir := t.TempDir()
	setTempDir(t, dir)
	entered := make(chan struct{})
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		close(entered)
		<-r.Context().Done()
		return r.Context().Err()
	})
	tour, err := Start(Config{App: app, CGI: script(t), Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan int)
	go func() { answered <- get(tour, "/scgi/").Code }()
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := tour.Shutdown(ctx); err == nil {
		t.Error("got no error for a request that was broken off")
	}
	if got := <-answered; got != http.StatusBadGateway {
		t.Errorf("got status %d; want 502", got)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v left, error %v", left, err)
	}
}

// TestRebinding checks that a page of another site cannot read the demo through a host name that
// resolves to this machine. TestConnect: a 2xx would open a tunnel, whatever the Host is.
func TestConnect(t *testing.T) {
	tour := startTour(t, t.TempDir(), script(t))
	for _, target := range []string{"example.com:443", "localhost:80", "/", "/http/environ", "/nothing"} {
		w := httptest.NewRecorder()
		tour.ServeHTTP(w, httptest.NewRequest(http.MethodConnect, target, nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: got %d; want 405", target, w.Code)
		}
	}
}

func TestRebinding(t *testing.T) {
	tour := startTour(t, t.TempDir(), script(t))
	for _, path := range []string{"/", "/http/environ", "/cgi/environ"} {
		w := httptest.NewRecorder()
		tour.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://example.com"+path, nil))
		if w.Code != http.StatusMisdirectedRequest {
			t.Errorf("%s: got %d; want 421", path, w.Code)
		}
	}
}
