package host_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
)

// face is a Handler with one field set, and the answer that a client must get.
type face struct {
	field  string
	method string // empty means GET
	target string
	set    func(h *host.Handler, out *strings.Builder)
	want   string // status, body and what set wrote to out
}

// told makes the backend answer with the values of variables.
func told(names ...string) gateway.Backend {
	return backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		if r.Stdin != nil {
			if _, err := io.ReadAll(r.Stdin); err != nil {
				return nil, err
			}
		}
		var values []string
		for _, name := range names {
			values = append(values, r.Environ.Get(name))
		}
		return says("Content-Type: text/plain\n\n" + strings.Join(values, "|")).RoundTrip(r)
	})
}

// facesOf returns a row for each field, for a site at root with a.php, link.php, which is a link to
// it, sub/index.php and a.txt.
func facesOf(root string) []face {
	scripts := func(h *host.Handler) {
		h.Root, h.SplitPath, h.Backend = root, php, told("SCRIPT_NAME", "SCRIPT_FILENAME", "DOCUMENT_ROOT")
	}
	file := func(name string) string { return filepath.Join(root, name) }
	return []face{
		{"Backend", "", "/x", func(h *host.Handler, _ *strings.Builder) { h.Backend = told("PATH_INFO") }, "200 /x"},
		{"Mount", "", "/app/x", func(h *host.Handler, _ *strings.Builder) {
			h.Mount, h.Backend = "/app", told("SCRIPT_NAME", "PATH_INFO")
		}, "200 /app|/x"},
		{"Deny", "", "/data/x", func(h *host.Handler, _ *strings.Builder) { h.Deny = []string{"/data"} }, "403 This path is not served.\n"},
		{"Mount", "", "/apple", func(h *host.Handler, _ *strings.Builder) { h.Mount = "/app" }, "404 404 page not found\n"},
		{"Root", "", "/x", func(h *host.Handler, _ *strings.Builder) { h.Root, h.Backend = root, told("PATH_TRANSLATED") }, "200 " + file("x")},
		{"Symlinks", "", "/link.php", func(h *host.Handler, _ *strings.Builder) {
			scripts(h)
			h.Symlinks = exchange.SymlinksNone
		}, "404 There is nothing here.\n"},
		{"ResolveRoot", "", "/a.php", func(h *host.Handler, _ *strings.Builder) {
			scripts(h)
			h.ResolveRoot = true
		}, "200 /a.php|" + file("a.php") + "|" + root},
		{"BackendRoot", "", "/a.php", func(h *host.Handler, _ *strings.Builder) {
			scripts(h)
			h.BackendRoot = "/in"
		}, "200 /a.php|/in/a.php|/in"},
		{"SplitPath", "", "/a.php/x", func(h *host.Handler, _ *strings.Builder) { scripts(h) }, "200 /a.php|" + file("a.php") + "|" + root},
		{"Index", "", "/sub/", func(h *host.Handler, _ *strings.Builder) {
			scripts(h)
			h.Index = []string{"index.php"}
		}, "200 /sub/index.php|" + file("sub/index.php") + "|" + root},
		{"Fallback", "", "/nothing", func(h *host.Handler, _ *strings.Builder) {
			scripts(h)
			h.Fallback = "/a.php"
		}, "200 /a.php|" + file("a.php") + "|" + root},
		{"Next", "", "/a.txt", func(h *host.Handler, _ *strings.Builder) {
			scripts(h)
			h.Next = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				_, err := io.WriteString(w, "next "+r.Environ.Get("PATH_INFO"))
				return err
			})
		}, "200 next /a.txt"},
		{"Env", "", "/", func(h *host.Handler, _ *strings.Builder) { h.Env, h.Backend = []string{"A=b"}, told("A") }, "200 b"},
		{"PassAuthorization", "", "/", func(h *host.Handler, _ *strings.Builder) {
			h.PassAuthorization, h.Backend = true, told("HTTP_AUTHORIZATION")
		}, "200 Basic x"},
		{"Prepare", "", "/", func(h *host.Handler, _ *strings.Builder) {
			h.Prepare, h.Backend = func(r *gateway.Request) { r.Environ.Set("REMOTE_USER", "ann") }, told("REMOTE_USER")
		}, "200 ann"},
		{"Buffer", "POST", "/", func(h *host.Handler, _ *strings.Builder) { h.Buffer, h.Backend = true, told("CONTENT_LENGTH") }, "200 4"},
		{"Budget", "POST", "/", func(h *host.Handler, _ *strings.Builder) {
			h.Buffer, h.Budget, h.Backend = true, &exchange.Budget{}, told("CONTENT_LENGTH")
		}, "200 4"},
		{"MaxBodyBytes", "POST", "/", func(h *host.Handler, _ *strings.Builder) { h.MaxBodyBytes = 3 }, "413 "},
		{"StreamBody", "POST", "/", func(h *host.Handler, _ *strings.Builder) { h.StreamBody, h.Backend = true, told("CONTENT_LENGTH") }, "200 4"},
		{"Timeout", "", "/", func(h *host.Handler, _ *strings.Builder) {
			h.Timeout = time.Millisecond
			h.Backend = backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
				<-r.Context().Done()
				return nil, context.Cause(r.Context())
			})
		}, "504 "},
		{"Router", "", "/from", func(h *host.Handler, _ *strings.Builder) {
			h.Backend = redirector("/to//../there")
			h.Router = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				_, err := io.WriteString(w, "routed "+r.Environ.Get("PATH_INFO"))
				return err
			})
		}, "200 routed /there"},
		{"Offload", "", "/", func(h *host.Handler, _ *strings.Builder) {
			h.Offload, h.Backend = map[string]string{"/files": root}, says("X-Accel-Redirect: /files/a.txt\nContent-Type: text/plain\n\n")
		}, "200 a.txt"},
		{"PassAccel", "", "/", func(h *host.Handler, _ *strings.Builder) {
			h.PassAccel, h.Offload, h.Backend = true, map[string]string{"/files": root}, says("X-Accel-Redirect: /files/a.txt\nContent-Type: text/plain\n\nas it is")
		}, "200 as it is"},
		{"ErrorLog", "", "/", func(h *host.Handler, out *strings.Builder) {
			h.ErrorLog = slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{ReplaceAttr: onlyMessages}))
			h.Backend = backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
				io.WriteString(r.Stderr, "a complaint\n")
				return says("Content-Type: text/plain\n\nok").RoundTrip(r)
			})
		}, "200 okmsg=\"host: the application says\"\n"},
		{"Access", "", "/", func(h *host.Handler, out *strings.Builder) {
			h.Access = func(a *gateway.Access) { out.WriteString(http.StatusText(a.Status)) }
		}, "200 okOK"},
	}
}

func onlyMessages(_ []string, a slog.Attr) slog.Attr {
	if a.Key != slog.MessageKey {
		return slog.Attr{}
	}
	return a
}

// TestFaces: every field has the same meaning for a Handler as an http.Handler and as an App.
func TestFaces(t *testing.T) {
	root, err := filepath.EvalSymlinks(site(t, "a.php", "sub/index.php", "a.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a.php", filepath.Join(root, "link.php")); err != nil {
		t.Skip(err)
	}
	tested := make(map[string]bool)
	for _, f := range facesOf(root) {
		tested[f.field] = true
		for name, wrap := range faces {
			t.Run(f.field+" of an "+name, func(t *testing.T) {
				var out strings.Builder
				h := &host.Handler{Backend: says("Content-Type: text/plain\n\nok"), ErrorLog: quiet}
				f.set(h, &out)
				w := f.ask(wrap(h))
				if got := w.Result().Status[:4] + w.Body.String() + out.String(); got != f.want && !(len(f.want) == 4 && strings.HasPrefix(got, f.want)) {
					t.Errorf("got %q; want %q", got, f.want)
				}
			})
		}
	}
	for field := range reflect.TypeFor[host.Handler]().Fields() {
		if field.IsExported() && !tested[field.Name] {
			t.Errorf("%s is not tested through both faces", field.Name)
		}
	}
}

// ask sends the request, with a body of 4 bytes where the method has one.
func (f face) ask(h http.Handler) *httptest.ResponseRecorder {
	var body io.Reader
	if f.method != "" {
		body = strings.NewReader("abcd")
	}
	r := httptest.NewRequest(f.method, f.target, body)
	r.Header.Set("Authorization", "Basic x")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
