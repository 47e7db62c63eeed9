package host_test

import (
	"errors"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// accessOf sends a request and returns the argument of Access.
func accessOf(t *testing.T, h *host.Handler, method, target string) *gateway.Access {
	t.Helper()
	told := make(chan *gateway.Access, 2)
	h.Access = func(a *gateway.Access) { told <- a }
	got := fetch(t, h, method, target, nil)
	a := <-told
	if len(told) > 0 {
		t.Error("Access was called twice")
	}
	if got.err == nil && (a.Status != got.status || a.Bytes != int64(len(got.body))) {
		t.Errorf("got %d and %d bytes; the client saw %d and %d", a.Status, a.Bytes, got.status, len(got.body))
	}
	if a.Start.IsZero() || a.Duration <= 0 || a.Head > a.Duration || a.Request.Environ.Get("REQUEST_METHOD") != method {
		t.Errorf("got %+v", a)
	}
	return a
}

func TestAccess(t *testing.T) {
	root := site(t, "a.php", "style.css")
	files := httpapp.New(http.FileServer(http.Dir(root)))
	refuses := backendFunc(func(*gateway.Request) (*gateway.Response, error) {
		return nil, &gateway.BackendError{Status: 503, Reason: "the application is busy"}
	})
	for _, c := range []struct {
		name, method, target string
		backend              gateway.Backend
		status               int
		failed               bool
	}{
		{"answer", "GET", "/a.php", says("Content-Type: a/b\n\n" + strings.Repeat("x", 100_000)), 200, false},
		{"small answer", "GET", "/a.php", says("Status: 404 No\n\nno"), 404, false},
		{"HEAD", "HEAD", "/a.php", says("Content-Type: a/b\n\nhello"), 200, false},
		{"reset", "GET", "/a.php", says("Status: 205 Reset\n\nabc"), 205, false},
		{"not modified", "GET", "/a.php", says("Status: 304 Same\n\n"), 304, false},
		{"busy", "GET", "/a.php", refuses, 503, true},
		{"busy, HEAD", "HEAD", "/a.php", refuses, 503, true},
		{"bad head", "GET", "/a.php", says("oops\n\n"), 502, true},
		{"short", "GET", "/a.php", says("Status: 200\nContent-Length: 9\n\nx"), 502, true},
		{"not found", "GET", "/missing", says(""), 404, true},
		{"file", "GET", "/style.css", says(""), 200, false},
		{"bad path", "GET", "/a.php%00", says(""), 400, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := &host.Handler{Backend: c.backend, Root: root, SplitPath: php, Next: files, ErrorLog: quiet}
			if c.name == "bad path" {
				c.target = "/a.php/..%2F.."
			}
			a := accessOf(t, h, c.method, c.target)
			if a.Status != c.status || (a.Err != nil) != c.failed {
				t.Errorf("got %d, %v; want %d", a.Status, a.Err, c.status)
			}
			want := ""
			if c.target == "/a.php" {
				want = filepath.Join(root, "a.php")
			}
			if a.Script != want {
				t.Errorf("got the script %q; want %q", a.Script, want)
			}
			if heard := a.Head > 0; heard != (want != "" && c.backend != nil && c.name != "busy" && c.name != "busy, HEAD" && c.name != "bad head") {
				t.Errorf("got Head %v", a.Head)
			}
		})
	}
}

// TestAccessOfABreak: Access gets the number of bytes that the client got, and the error that broke
// the response.
func TestAccessOfABreak(t *testing.T) {
	cause := errors.New("gone")
	h := handler(backendFunc(func(*gateway.Request) (*gateway.Response, error) {
		body := io.MultiReader(strings.NewReader("Content-Type: a/b\n\n"+strings.Repeat("x", 50_000)), &failing{cause})
		return gateway.ReadResponse(&stream{Reader: body}, 0)
	}))
	told := make(chan *gateway.Access, 1)
	h.Access = func(a *gateway.Access) { told <- a }
	if got := get(t, h, "/"); got.err == nil {
		t.Errorf("got %d and %d bytes; want a broken response", got.status, len(got.body))
	}
	if a := <-told; a.Status != 200 || a.Bytes != 50_000 || !errors.Is(a.Err, cause) {
		t.Errorf("got %+v; want 200, 50,000 bytes and the cause", a)
	}
	h = handler(backendFunc(func(*gateway.Request) (*gateway.Response, error) { return nil, gateway.ErrAbort }))
	h.Access = func(a *gateway.Access) { told <- a }
	if got := get(t, h, "/"); got.err == nil {
		t.Errorf("got %+v; want no response", got)
	}
	if a := <-told; a.Status != 0 || a.Bytes != 0 || a.Err == nil {
		t.Errorf("got %+v; want no status", a)
	}
}

// TestAccessOfAClientThatLeft: the status is the one that the client got before it closed the
// connection.
func TestAccessOfAClientThatLeft(t *testing.T) {
	h := handler(backendFunc(func(*gateway.Request) (*gateway.Response, error) {
		return gateway.ReadResponse(io.NopCloser(strings.NewReader("Content-Type: a/b\n\n"+strings.Repeat("x", 1<<20))), 0)
	}))
	var got *gateway.Access
	h.Access = func(a *gateway.Access) { got = a }
	leaves := &leavingWriter{left: 100_000}
	run := &gateway.BaseCGIHandler{Environ: util.EnvironFromList([]string{"REQUEST_METHOD=GET", "SCRIPT_NAME=", "PATH_INFO=/"}), Stdout: leaves}
	if err := run.Run(t.Context(), h); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("got %v; want EPIPE", err)
	}
	if got.Status != 200 || got.Bytes < 1 || !gateway.PeerGone(got.Err) {
		t.Errorf("got %d, %d bytes, %v; want 200, what was handed over, and that the client is gone", got.Status, got.Bytes, got.Err)
	}
}

// leavingWriter is a client that closes the connection after that many bytes.
type leavingWriter struct{ left int }

func (w *leavingWriter) Write(p []byte) (int, error) {
	if w.left -= len(p); w.left < 0 {
		return 0, syscall.EPIPE
	}
	return len(p), nil
}

// failing is a Reader that always fails.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// TestAccessHead: Access gets the wait for the backend separately from the whole time.
func TestAccessHead(t *testing.T) {
	asked := time.Time{}
	h := handler(backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		asked = time.Now()
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	}))
	if a := accessOf(t, h, "GET", "/"); a.Head < asked.Sub(a.Start) {
		t.Errorf("got %v; the backend was asked after %v", a.Head, asked.Sub(a.Start))
	}
}
