package host_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// serveVariables makes h answer a request of a web server, given as alternating names and values.
// It returns the CGI response and the log.
func serveVariables(t testing.TB, h gateway.App, namesAndValues ...string) (answer, log string) {
	t.Helper()
	e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"})
	for i := 0; i < len(namesAndValues); i += 2 {
		e.Set(namesAndValues[i], namesAndValues[i+1])
	}
	var out, stderr bytes.Buffer
	run := gateway.BaseCGIHandler{Environ: e, Stdout: &out, Stderr: &stderr}
	if err := run.Run(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	return out.String(), stderr.String()
}

// faces are the ways in which an HTTP request reaches a Handler.
var faces = map[string]func(h *host.Handler) http.Handler{
	"http.Handler":    func(h *host.Handler) http.Handler { return h },
	"App":             func(h *host.Handler) http.Handler { return httpapp.Handler(h) },
	"App at its path": func(h *host.Handler) http.Handler { return &httpapp.AppHandler{App: h, Mount: h.Mount} },
}

// send makes h answer a request with a target that net/http's client would change.
func send(h http.Handler, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

// TestTarget: the path of an HTTP request is normalised, for a Handler as an http.Handler and as an
// App (C28).
func TestTarget(t *testing.T) {
	for _, test := range []struct {
		target, mount string
		script, info  string // or a status
	}{
		{"/", "", "", "/"},
		{"/a/b", "", "", "/a/b"},
		{"//a//b//", "", "", "/a/b/"},
		{"/a/../b", "", "", "/b"},
		{"/a/./b/.", "", "", "/a/b/"},
		{"/a/%2e%2e/b/%2E", "", "", "/b/"},
		{"/a/b/..", "", "", "/a/"},
		{"/a%2Fb", "", "", "/a/b"},
		{"/a%2f..%2fb", "", "", "/b"},
		{"/a%252f..", "", "", "/a%2f.."},
		{"/a%0ab", "", "", "/a\nb"},
		{"/%ff", "", "", "/\xff"},
		{`/a\..\b`, "", "", `/a\..\b`},
		{"/a;b=1/+", "", "", "/a;b=1/+"},
		{"/..", "", "400", ""},
		{"/%2e%2e/a", "", "400", ""},
		{"/a/../../b", "", "400", ""},
		{"/a%2f..%2f..%2fb", "", "400", ""},
		{"/a%00", "", "400", ""},

		{"/app", "/app", "/app", ""},
		{"/app/", "/app/", "/app", "/"},
		{"/app/a", "app", "/app", "/a"},
		{"/app//a/../b", "/app", "/app", "/b"},
		{"/%61pp/a", "/app", "/app", "/a"},
		{"/a%20b/c", "/a b", "/a b", "/c"},
		{"/app/../app/a", "/app", "/app", "/a"},
		{"/apple", "/app", "404", ""},
		{"/", "/app", "404", ""},
		{"/other/a", "/app", "404", ""},
		{"/app%2fa", "/app", "404", ""},
		{"/app/../other", "/app", "400", ""},
		{"/app/%2e%2e/", "/app", "400", ""},
		{"/a", "/", "", "/a"},
	} {
		for face, wrap := range faces {
			b := &recorder{}
			h := handler(b)
			h.Mount = test.mount
			w := send(wrap(h), "GET", test.target)
			if want := test.script; want == "404" || want == "400" {
				if b.calls > 0 || w.Result().Status[:3] != want {
					t.Errorf("%s, %s below %q: got %d; want %s", face, test.target, test.mount, w.Code, want)
				}
				continue
			}
			if w.Code != 200 {
				t.Errorf("%s, %s below %q: got %d", face, test.target, test.mount, w.Code)
				continue
			}
			b.want(t, "SCRIPT_NAME", test.script, "PATH_INFO", test.info, "DOCUMENT_URI", test.script+test.info, "REQUEST_URI", test.target)
			if t.Failed() {
				t.Fatalf("%s, %s below %q", face, test.target, test.mount)
			}
		}
	}
}

// TestMountInNormalForm: a path that is below the mount only in normal form. A server with a Mount
// of its own compares the path as it was sent.
func TestMountInNormalForm(t *testing.T) {
	for _, target := range []string{"//app/a", "/x/../app/a", "/./app/a"} {
		for _, face := range []string{"http.Handler", "App"} {
			b := &recorder{}
			h := handler(b)
			h.Mount = "/app"
			if w := send(faces[face](h), "GET", target); w.Code != 200 {
				t.Errorf("%s, %s: got %d", face, target, w.Code)
				continue
			}
			b.want(t, "SCRIPT_NAME", "/app", "PATH_INFO", "/a")
		}
	}
}

// TestMountOfAServer: a Handler without a Mount uses the Mount of the server.
func TestMountOfAServer(t *testing.T) {
	b := &recorder{}
	h := handler(b)
	send(&httpapp.AppHandler{App: h, Mount: "/app"}, "GET", "/app/a//b").Result()
	b.want(t, "SCRIPT_NAME", "/app", "PATH_INFO", "/a/b")
	scripts := &host.Handler{Backend: b, Root: site(t, "a.php"), SplitPath: php, ErrorLog: quiet}
	send(&httpapp.AppHandler{App: scripts, Mount: "/app"}, "GET", "/app/a.php/x")
	b.want(t, "SCRIPT_NAME", "/app/a.php", "PATH_INFO", "/x")
}

// TestOtherTargets: request targets that are not paths.
func TestOtherTargets(t *testing.T) {
	for face, wrap := range faces {
		b := &recorder{}
		if w := send(wrap(handler(b)), "CONNECT", "example.com:443"); w.Code != 405 || w.Header().Get("Allow") == "" || b.calls > 0 {
			t.Errorf("%s: CONNECT: got %d", face, w.Code)
		}
		r := httptest.NewRequest("OPTIONS", "*", nil)
		wrap(handler(b)).ServeHTTP(httptest.NewRecorder(), r)
		b.want(t, "SCRIPT_NAME", "", "PATH_INFO", "", "REQUEST_URI", "*")
		b.calls = 0
		if w := send(wrap(handler(b)), "GET", "/a#b"); w.Code != 400 || b.calls > 0 {
			t.Errorf("%s: a fragment: got %d", face, w.Code)
		}
		r = httptest.NewRequest("GET", "http://user:secret@example.com:81//a/../b?c", nil)
		wrap(handler(b)).ServeHTTP(httptest.NewRecorder(), r)
		b.want(t, "PATH_INFO", "/b", "REQUEST_URI", "//a/../b?c", "HTTP_HOST", "example.com:81")
	}
}

// TestVariablesStay: the variables of a web server are not interpreted again. Mount changes where
// the path is split.
func TestVariablesStay(t *testing.T) {
	for _, test := range []struct {
		mount        string
		sent         []string
		script, info string // or a status
	}{
		{"", []string{"SCRIPT_NAME", "/app", "PATH_INFO", "/a//b/../c"}, "/app", "/a//b/../c"},
		{"", []string{"SCRIPT_NAME", "", "PATH_INFO", "/../x", "REQUEST_URI", "/y%2fz"}, "", "/../x"},
		{"", []string{"SCRIPT_NAME", "/", "PATH_INFO", ""}, "/", ""},
		{"", []string{"SCRIPT_NAME", "/a/b"}, "/a/b", ""},
		// nginx's stock scgi_params
		{"", []string{"REQUEST_URI", "//y/../x", "DOCUMENT_URI", "/x"}, "", "/x"},
		{"", []string{"REQUEST_URI", "//y/../x?z"}, "", "/x"},
		{"", []string{"REQUEST_URI", "/../x"}, "400", ""},
		{"", nil, "", ""},

		{"/app", []string{"SCRIPT_NAME", "/app", "PATH_INFO", "/a//b"}, "/app", "/a//b"},
		{"/app", []string{"SCRIPT_NAME", "/app/a"}, "/app", "/a"},
		{"/app", []string{"SCRIPT_NAME", "", "PATH_INFO", "/app/a"}, "/app", "/a"},
		{"/app", []string{"SCRIPT_NAME", "/", "PATH_INFO", "/app/a"}, "/app", "/a"},
		{"/app", []string{"SCRIPT_NAME", "/app", "PATH_INFO", ""}, "/app", ""},
		{"/app", []string{"DOCUMENT_URI", "/app/a"}, "/app", "/a"},
		{"/app", []string{"SCRIPT_NAME", "/apple", "PATH_INFO", "/a"}, "404", ""},
		{"/app", []string{"SCRIPT_NAME", "", "PATH_INFO", "/a"}, "404", ""},
		{"/app", []string{"SCRIPT_NAME", "/other", "PATH_INFO", "/app/a"}, "404", ""},
		{"/app", nil, "500", ""},
		// lighttpd at the root
		{"/", []string{"SCRIPT_NAME", "/sub", "PATH_INFO", "/a"}, "", "/sub/a"},
		// nginx's stock fastcgi_params
		{"/", []string{"SCRIPT_NAME", "/a/b"}, "", "/a/b"},
	} {
		b := &recorder{}
		h := &host.Handler{Backend: b, Mount: test.mount}
		got, _ := serveVariables(t, h, test.sent...)
		if b.calls == 0 {
			if status := strings.TrimPrefix(got, "Status: ")[:3]; status != test.script {
				t.Errorf("%q below %q: got %q", test.sent, test.mount, got)
			}
			continue
		}
		b.want(t, "SCRIPT_NAME", test.script, "PATH_INFO", test.info)
		if t.Failed() {
			t.Fatalf("%q below %q", test.sent, test.mount)
		}
	}
}

// TestScriptsWithoutAPath: nginx's default scgi_params have neither SCRIPT_NAME nor PATH_INFO. Not
// every path may lead to the front page.
func TestScriptsWithoutAPath(t *testing.T) {
	b := &recorder{}
	h := &host.Handler{Backend: b, Root: site(t, "index.php", "a.php"), SplitPath: php, Index: []string{"index.php"}}
	for _, test := range []struct{ uri, document, want string }{
		{"/a.php/x?y", "/a.php/x", "/a.php|/x"},
		{"/", "/", "/index.php|"},
		{"/rewritten", "/a.php", "/a.php|"},
		{"/x/..//a.php/y%2fz", "", "/a.php|/y/z"},
	} {
		b.calls = 0
		serveVariables(t, h, "REQUEST_URI", test.uri, "DOCUMENT_URI", test.document, "DOCUMENT_ROOT", "/usr/share/nginx/html")
		if got := b.environ.Get("SCRIPT_NAME") + "|" + b.environ.Get("PATH_INFO"); b.calls != 1 || got != test.want {
			t.Errorf("%s: got %s; want %s", test.uri, got, test.want)
		}
	}
	b.calls = 0
	got, log := serveVariables(t, h, "DOCUMENT_ROOT", "/srv")
	if !strings.HasPrefix(got, "Status: 500 ") || b.calls > 0 || !strings.Contains(log, "--mount /") {
		t.Errorf("no path: got %q and the log %q; want a 500 and its cure", got, log)
	}
}

// TestNextIsBelowTheMount: the App for static files gets the path as the Handler has split it.
func TestNextIsBelowTheMount(t *testing.T) {
	next := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := io.WriteString(w, r.Environ.Get("SCRIPT_NAME")+"|"+r.Environ.Get("PATH_INFO")+"|"+r.Environ.Get("HTTP_AUTHORIZATION"))
		return err
	})
	h := &host.Handler{Backend: &recorder{}, Mount: "/app", Root: site(t, "a.txt"), SplitPath: php, Next: next, ErrorLog: quiet}
	for face, wrap := range faces {
		r := httptest.NewRequest("GET", "/app//x/../a.txt", nil)
		r.Header.Set("Authorization", "Basic x")
		w := httptest.NewRecorder()
		wrap(h).ServeHTTP(w, r)
		if got := w.Body.String(); got != "/app|/a.txt|Basic x" {
			t.Errorf("%s: got %q", face, got)
		}
	}
	if got, _ := serveVariables(t, h, "SCRIPT_NAME", "/app/a.txt"); !strings.HasSuffix(got, "\n/app|/a.txt|") {
		t.Errorf("over a web server: got %q", got)
	}
}
