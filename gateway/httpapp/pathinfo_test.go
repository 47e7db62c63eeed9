package httpapp_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// TestBadTargets: a target without a form of RFC 9112 section 3.2 is a 400, even if net/http
// accepts it.
func TestBadTargets(t *testing.T) {
	for _, target := range []string{"/a%00b", "/a#b", "/?a#b", "/#", "http://h/#", "#", "mailto:a@b", "a:b://c/d", "http:/x", "http:///x"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RequestURI = target
		if u, err := url.ParseRequestURI(target); err == nil {
			r.URL = u
		}
		_, err := httpapp.MetaVariables(r, "")
		if bad := (*gateway.RequestError)(nil); !errors.As(err, &bad) {
			t.Errorf("%s: got %v; want a RequestError", target, err)
		}
	}
}

// TestEscapedPath: an App gets the path as the client sent it, which an outer handler may change.
func TestEscapedPath(t *testing.T) {
	for target, want := range map[string]string{
		"/": "/", "/a%2Fb/../c//d?e": "/a%2Fb/../c//d", "/app/%61": "/app/%61", "http://u:p@h/a%2Fb": "/a%2Fb", "http://h": "/",
	} {
		var got string
		h := httpapp.Handler(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			got = r.EscapedPath
			return nil
		}))
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", target, nil))
		if got != want {
			t.Errorf("%s: got %q; want %q", target, got, want)
		}
		http.StripPrefix("/app", h).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/app/a%2Fb", nil))
		if got != "/a%2Fb" {
			t.Errorf("below a prefix that was taken off: got %q; want /a%%2Fb", got)
		}
	}
}

// TestAsterisk: the target * is a 400 but for OPTIONS (RFC 9112 section 3.2.4), and that has no
// path.
func TestAsterisk(t *testing.T) {
	for method, want := range map[string]int{"OPTIONS": 200, "GET": 400, "HEAD": 400, "POST": 400, "PRI": 400, "BREW": 400} {
		path := "-"
		h := httpapp.Handler(gateway.AppFunc(func(_ gateway.ResponseWriter, r *gateway.Request) error {
			path = r.EscapedPath + r.Environ.Get("PATH_INFO")
			return nil
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "*", nil))
		if w.Code != want || (path == "*") != (want == 200) {
			t.Errorf("%s *: got %d and the path %q; want %d", method, w.Code, path, want)
		}
	}
}

// TestMountOfAHandler: the path as the client sent it is compared with Mount, and, if it is
// outside, its normal form.
func TestMountOfAHandler(t *testing.T) {
	for target, want := range map[string]string{
		"/app//x/../y": "/app|//x/../y", "//app/x": "/app|/x", "/./app/x//y": "/app|/x/y", "/a/%2e%2e/app/b%2Fc?d": "/app|/b/c",
		"/app/../x": "/app|/../x", "/apple": "404", "//apple": "404", "/../app": "404", "/a/../x": "404", "/x//app": "404", "*": "400",
	} {
		var got, uri string
		h := &httpapp.AppHandler{Mount: "/app", App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			got, uri = r.Environ.Get("SCRIPT_NAME")+"|"+r.Environ.Get("PATH_INFO"), r.Environ.Get("REQUEST_URI")
			return nil
		})}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		if w.Code != 200 {
			got, uri = strconv.Itoa(w.Code), target
		}
		if got != want || uri != target {
			t.Errorf("%s: got %s, REQUEST_URI %s; want %s", target, got, uri, want)
		}
	}
}
