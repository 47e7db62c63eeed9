package host_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/util"
)

// TestVariables of an application below a mount (C1 to C18).
func TestVariables(t *testing.T) {
	b := &recorder{}
	h := handler(b)
	h.Mount = "/app"
	fetch(t, h, "PROPFIND", "/app/a%20b//c?x=%41+b", strings.NewReader("abc"), "Content-Type", "a/b", "X-Twice", "1", "X-Twice", "2",
		"Cookie", "a=1", "Cookie", "b=2")
	b.want(t,
		"GATEWAY_INTERFACE", "CGI/1.1", // C8
		"SERVER_SOFTWARE", "cgikit", // C7
		"SERVER_PROTOCOL", "HTTP/1.1", // C6
		"SERVER_NAME", "127.0.0.1", // C4
		"SERVER_ADDR", "127.0.0.1",
		"REQUEST_METHOD", "PROPFIND", // C2
		"REQUEST_URI", "/app/a%20b//c?x=%41+b",
		"REQUEST_SCHEME", "http",
		"HTTPS", "-",
		"SCRIPT_NAME", "/app", // C3
		"PATH_INFO", "/a b/c", // C15, C28
		"DOCUMENT_URI", "/app/a b/c",
		"QUERY_STRING", "x=%41+b", // C1
		"CONTENT_LENGTH", "3", // C12
		"CONTENT_TYPE", "a/b", // C14
		"HTTP_CONTENT_LENGTH", "-", // C21
		"HTTP_CONTENT_TYPE", "-",
		"REMOTE_ADDR", "127.0.0.1", // C9
		"REMOTE_HOST", "127.0.0.1", // C10
		"REDIRECT_STATUS", "200",
		"HTTP_X_TWICE", "1, 2", // C18, C19
		"HTTP_COOKIE", "a=1; b=2",
		"AUTH_TYPE", "-", // C11
		"REMOTE_USER", "-",
		"DOCUMENT_ROOT", "-",
		"PATH_TRANSLATED", "-", // C16
		"SCRIPT_FILENAME", "-",
	)
	if b.environ.Get("REMOTE_PORT") == "" || b.environ.Get("SERVER_PORT") == "" { // C5
		t.Errorf("got %v; want ports", b.environ.Map())
	}
	if b.body != "abc" || b.bodyErr != nil { // C23
		t.Errorf("got the body %q, %v", b.body, b.bodyErr)
	}
	get(t, h, "/app")
	b.want(t, "SCRIPT_NAME", "/app", "PATH_INFO", "", "QUERY_STRING", "", "CONTENT_LENGTH", "-", "CONTENT_TYPE", "-")
	if b.body != "" {
		t.Errorf("got the body %q; want none", b.body)
	}
	get(t, h, "/apple").want(t, 404, "404 page not found\n")
}

// TestRemoteHost: the REMOTE_HOST that the Handler sets has no zone (RFC 3875 section 4.1.9).
// REMOTE_ADDR of a web server is not changed.
func TestRemoteHost(t *testing.T) {
	b := &recorder{}
	for sent, want := range map[string]string{
		"fe80::1%eth0": "fe80::1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::1", "unix:": "-",
	} {
		serveVariables(t, handler(b), "SCRIPT_NAME", "", "PATH_INFO", "/", "REMOTE_ADDR", sent)
		b.want(t, "REMOTE_ADDR", sent, "REMOTE_HOST", want)
	}
}

// TestVariablesOfAScript: the variables that php-fpm needs, also if the site has another path
// there.
func TestVariablesOfAScript(t *testing.T) {
	root := site(t, "index.php", "blog/a.php")
	b := &recorder{}
	h := &host.Handler{Backend: b, Mount: "/site", Root: root, SplitPath: php, Index: []string{"index.php"}, ErrorLog: quiet}
	get(t, h, "/site/blog/a.php/x%20y/../../../../z").want(t, 400, "The request cannot be understood.\n")
	get(t, h, "/site/blog/a.php/x%20y?q")
	b.want(t,
		"SCRIPT_NAME", "/site/blog/a.php",
		"SCRIPT_FILENAME", filepath.Join(root, "blog", "a.php"),
		"PATH_INFO", "/x y",
		"PATH_TRANSLATED", filepath.Join(root, "x y"), // C16
		"DOCUMENT_ROOT", root,
		"DOCUMENT_URI", "/site/blog/a.php/x y",
		"REQUEST_URI", "/site/blog/a.php/x%20y?q",
	)
	get(t, h, "/site/")
	b.want(t, "SCRIPT_NAME", "/site/index.php", "PATH_INFO", "", "PATH_TRANSLATED", "-", "DOCUMENT_URI", "/site/index.php")
	a := get(t, h, "/site?q=1")
	if a.status != 301 || a.header.Get("Location") != "/site/?q=1" {
		t.Errorf("the mount without its slash: got %+v; want a redirect", a)
	}
	far := &host.Handler{Backend: b, Root: root, BackendRoot: "/var/www/", SplitPath: php, ErrorLog: quiet}
	get(t, far, "/blog/a.php/x")
	b.want(t, "SCRIPT_FILENAME", "/var/www/blog/a.php", "DOCUMENT_ROOT", "/var/www/", "PATH_TRANSLATED", "/var/www/x")
}

// TestRootWithoutScripts: PATH_TRANSLATED never leads out of the root.
func TestRootWithoutScripts(t *testing.T) {
	root, b := site(t), &recorder{}
	h := &host.Handler{Backend: b, Root: root, ErrorLog: quiet}
	get(t, h, "/x/../y/").want(t, 200, "ok")
	b.want(t, "PATH_INFO", "/y/", "PATH_TRANSLATED", filepath.Join(root, "y")+"/", "DOCUMENT_ROOT", root, "SCRIPT_FILENAME", "-")
	b.environ = nil
	get(t, h, "/x/../../../y").want(t, 400, "The request cannot be understood.\n")
	if b.environ != nil {
		t.Error("the backend was asked for a path above the root")
	}
	serveVariables(t, h, "SCRIPT_NAME", "/app", "PATH_INFO", "/x/../../../y")
	b.want(t, "PATH_INFO", "/x/../../../y", "PATH_TRANSLATED", filepath.Join(root, "y"))
}

// TestEncodedSlash: C15. It never moves the end of a script's name.
func TestEncodedSlash(t *testing.T) {
	root, b := site(t, "a.php", "dir/b.php", "index.php", "dir/c.txt"), &recorder{}
	next := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		t.Errorf("%s reached Next", r.Environ.Get("REQUEST_URI"))
		return nil
	})
	h := &host.Handler{Backend: b, Root: root, SplitPath: php, Index: []string{"index.php"}, Next: next, ErrorLog: quiet}
	front := &host.Handler{Backend: b, Root: root, SplitPath: php, Fallback: "/index.php", ErrorLog: quiet}
	for _, path := range []string{"/dir%2Fb.php", "/a.php%2fx", "/dir/x%2f..%2fb.php", "/x%2fa.php/y", "/a%2ephp%2fx"} {
		get(t, h, path).want(t, 404, "There is nothing here.\n")
		get(t, front, path).want(t, 404, "There is nothing here.\n")
	}
	for _, path := range []string{"/%2f", "/dir%2Fc.txt", "/dir%2f"} {
		get(t, h, path).want(t, 404, "There is nothing here.\n")
	}
	for _, path := range []string{"/a.php%00/x", "/a.php/x%2f..%2f..%2fy", "/a.php/..%2f..%2fdir/b.php", "/..%2fx"} {
		get(t, h, path).want(t, 400, "The request cannot be understood.\n")
	}
	if b.calls != 0 {
		t.Errorf("the backend was asked %d times", b.calls)
	}
	get(t, h, "/a.php/x%2Fy%2f?x=%2F").want(t, 200, "ok")
	b.want(t, "SCRIPT_NAME", "/a.php", "PATH_INFO", "/x/y/", "PATH_TRANSLATED", filepath.Join(root, "x", "y")+"/", "QUERY_STRING", "x=%2F")
	get(t, h, "/a.php/x%2f..%2fb.php").want(t, 200, "ok")
	b.want(t, "SCRIPT_NAME", "/a.php", "PATH_INFO", "/b.php")
	get(t, front, "/blog/a%2Fb").want(t, 200, "ok") // a front controller reads REQUEST_URI
	b.want(t, "SCRIPT_NAME", "/index.php", "PATH_INFO", "", "REQUEST_URI", "/blog/a%2Fb")
}

// TestHTTPS: the scheme is that of the connection, or the one that Env sets if TLS ends in front.
func TestHTTPS(t *testing.T) {
	b := &recorder{}
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{}
	h := handler(b)
	h.ServeHTTP(httptest.NewRecorder(), r)
	b.want(t, "HTTPS", "on", "REQUEST_SCHEME", "https", "SERVER_PORT", "443")
	if b.scheme != "https" {
		t.Errorf("got scheme %q", b.scheme)
	}
	configured := handler(b)
	configured.Env = []string{"HTTPS=on", "REQUEST_SCHEME=https", "SERVER_PORT=443"}
	get(t, configured, "/")
	b.want(t, "HTTPS", "on", "REQUEST_SCHEME", "https", "SERVER_PORT", "443")
	if b.scheme != "https" {
		t.Errorf("got scheme %q", b.scheme)
	}
}

// TestCVE_2016_5386: httpoxy, in every spelling of the field.
func TestCVE_2016_5386(t *testing.T) {
	b := &recorder{}
	get(t, handler(b), "/", "Proxy", "http://evil.example", "proxy", "x", "PROXY", "y")
	b.want(t, "HTTP_PROXY", "-")
}

// TestHeaderAliases: GHSA-f59h-q822-g45g, GHSA-49wc-4hcv-v58q, lighttpd 170db8fe. A field whose
// variable would be that of another field gets none.
func TestHeaderAliases(t *testing.T) {
	b := &recorder{}
	get(t, handler(b), "/", "Remote_User", "evil", "Remote.Group", "evil", "X-Good", "1", "Content_Length", "9", "X_Good", "2")
	b.want(t, "HTTP_REMOTE_USER", "-", "HTTP_REMOTE_GROUP", "-", "HTTP_X_GOOD", "1", "HTTP_CONTENT_LENGTH", "-", "CONTENT_LENGTH", "-")
}

// TestAuthorization: C21.
func TestAuthorization(t *testing.T) {
	b := &recorder{}
	get(t, handler(b), "/", "Authorization", "Basic eDp5", "Proxy-Authorization", "Basic eDp5")
	b.want(t, "HTTP_AUTHORIZATION", "-", "HTTP_PROXY_AUTHORIZATION", "-")
	h := handler(b)
	h.PassAuthorization = true
	get(t, h, "/", "Authorization", "Basic eDp5", "Proxy-Authorization", "Basic eDp5")
	b.want(t, "HTTP_AUTHORIZATION", "Basic eDp5", "HTTP_PROXY_AUTHORIZATION", "-")
}

// TestCVE_2024_8927: a client cannot set REDIRECT_STATUS, by a field or a name that becomes one.
func TestCVE_2024_8927(t *testing.T) {
	b := &recorder{}
	get(t, handler(b), "/", "Redirect-Status", "1", "Http-Redirect-Status", "1", "REDIRECT_STATUS", "1")
	b.want(t, "REDIRECT_STATUS", "200", "HTTP_REDIRECT_STATUS", "1", "HTTP_HTTP_REDIRECT_STATUS", "1")
}

// TestCVE_2014_6271: shellshock.
func TestCVE_2014_6271(t *testing.T) {
	b := &recorder{}
	get(t, handler(b), "/", "User-Agent", "() { :;}; echo vulnerable").want(t, 400, "The request cannot be understood.\n")
	if b.calls != 0 {
		t.Error("the backend was asked")
	}
}

// TestCVE_2012_1823: a query without an equals sign stays a query (also CVE-2024-4577).
func TestCVE_2012_1823(t *testing.T) {
	b := &recorder{}
	get(t, handler(b), "/?-d+allow_url_include%3d1+%ADd")
	b.want(t, "QUERY_STRING", "-d+allow_url_include%3d1+%ADd")
}

// TestEnv: Env replaces variables made from a client's fields, but not those that describe the
// request (CVE-2025-65082).
func TestEnv(t *testing.T) {
	b := &recorder{}
	h := handler(b)
	h.Env = []string{"APP_ENV=test", "HTTP_X_ROLE=guest", "SERVER_NAME=example.org", "EMPTY=", "SCRIPT_FILENAME=/in/container.php"}
	get(t, h, "/", "X-Role", "admin")
	b.want(t, "APP_ENV", "test", "HTTP_X_ROLE", "guest", "SERVER_NAME", "example.org", "EMPTY", "", "SCRIPT_FILENAME", "/in/container.php")
}

// TestFromGateway: over FastCGI or SCGI the web server has set many variables already, but it must
// not configure PHP.
func TestFromGateway(t *testing.T) {
	root, b := site(t, "a.php"), &recorder{}
	h := &host.Handler{Backend: b, Root: root, SplitPath: php, ErrorLog: quiet}
	e := util.EnvironFromMap(map[string]string{
		"REQUEST_METHOD": "GET", "SCRIPT_NAME": "/a.php/x", "REQUEST_URI": "/a.php/x", "SERVER_NAME": "given", "REMOTE_USER": "eve",
		"PHP_VALUE": "auto_prepend_file=/evil", "PHP_ADMIN_VALUE": "x", "SCRIPT_FILENAME": "/etc/passwd", "DOCUMENT_ROOT": "/etc",
	})
	run := gateway.BaseCGIHandler{Environ: e, Stdout: &logBuffer{}}
	if err := run.Run(context.Background(), h); err != nil {
		t.Fatal(err)
	}
	if e.Get("SCRIPT_NAME") != "/a.php/x" || e.Get("PHP_VALUE") == "" {
		t.Errorf("the web server's environ was changed: %v", e.Map())
	}
	b.want(t,
		"SCRIPT_NAME", "/a.php", "PATH_INFO", "/x", "SCRIPT_FILENAME", filepath.Join(root, "a.php"), "DOCUMENT_ROOT", root,
		"SERVER_NAME", "given", "REMOTE_USER", "eve", "PHP_VALUE", "-", "PHP_ADMIN_VALUE", "-",
		"SERVER_PORT", "80", "REQUEST_SCHEME", "http", "SERVER_PROTOCOL", "HTTP/1.1", "QUERY_STRING", "",
	)
}

// TestMountOfScripts: Mount matches whole segments, whether or not the web server has split the
// path.
func TestMountOfScripts(t *testing.T) {
	b := &recorder{}
	h := &host.Handler{Backend: b, Mount: "/site/", Root: site(t, "a.php", "x/a.php"), SplitPath: php, ErrorLog: quiet}
	for path, want := range map[string]string{"/site/a.php": "200", "/sitex/a.php": "404", "/a.php": "404", "/site": "301"} {
		out := &logBuffer{}
		e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "SCRIPT_NAME": path})
		run := gateway.BaseCGIHandler{Environ: e, Stdout: out}
		if err := run.Run(t.Context(), h); err != nil || !strings.HasPrefix(out.String(), "Status: "+want) {
			t.Errorf("%s: got %q, %v; want %s", path, out, err, want)
		}
	}
}

// TestPrepare: values of an outer handler reach the application (C11).
func TestPrepare(t *testing.T) {
	type userKey struct{}
	b := &recorder{}
	h := handler(b)
	h.Prepare = func(r *gateway.Request) {
		user, _ := r.Context().Value(userKey{}).(string)
		r.Environ.Set("REMOTE_USER", user)
		r.Environ.Set("AUTH_TYPE", "Basic")
	}
	get(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), userKey{}, "ann")))
	}), "/", "Remote-User", "eve")
	b.want(t, "REMOTE_USER", "ann", "AUTH_TYPE", "Basic")
}
