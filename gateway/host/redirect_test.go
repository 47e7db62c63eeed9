package host_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// redirector answers /from with a local redirect to target, and other requests with their path.
func redirector(target string) gateway.Backend {
	return backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		e := r.Environ
		stdout := fmt.Sprintf("Content-Type: text/plain\n\n%s %s|%s|%s|%s", e.Get("REQUEST_METHOD"), e.Get("SCRIPT_NAME"), e.Get("PATH_INFO"),
			e.Get("QUERY_STRING"), e.Get("REQUEST_URI"))
		if strings.HasSuffix(e.Get("SCRIPT_NAME")+e.Get("PATH_INFO"), "/from") || strings.HasPrefix(e.Get("PATH_INFO"), "/loop") {
			stdout = "Location: " + target + "\n\n"
		}
		return gateway.ReadResponse(&stream{Reader: strings.NewReader(stdout)}, 0)
	})
}

// TestLocalRedirect: C33. The client gets the answer of the target, and nothing of the redirect.
func TestLocalRedirect(t *testing.T) {
	h := handler(redirector("/app/to%20there?x=1&y"))
	h.Mount = "/app"
	get(t, h, "/app/from?old").want(t, 200, "GET /app|/to there|x=1&y|/app/to%20there?x=1&y")
	for _, method := range []string{"POST", "PUT"} {
		a := fetch(t, h, method, "/app/from", strings.NewReader("a body"), "Content-Type", "a/b")
		a.want(t, 200, "GET /app|/to there|x=1&y|/app/to%20there?x=1&y")
	}
	if a := fetch(t, h, "HEAD", "/app/from", nil); a.status != 200 || a.body != "" {
		t.Errorf("HEAD: got %+v", a)
	}
}

// TestLocalRedirectIsFresh: the new request has no body, and the client's fields except those that
// describe the body.
func TestLocalRedirectIsFresh(t *testing.T) {
	b := &recorder{}
	calls := 0
	h := handler(backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		if calls++; calls == 1 {
			return says("Location: /to\nContent-Type: text/html\n\n").RoundTrip(r)
		}
		if r.Stdin != nil {
			t.Error("the second request has a body")
		}
		return b.RoundTrip(r)
	}))
	fetch(t, h, "POST", "/from?old", strings.NewReader("abc"), "Content-Type", "a/b", "X-Mine", "1", "Cookie", "a=b").want(t, 200, "ok")
	b.want(t, "REQUEST_METHOD", "GET", "CONTENT_LENGTH", "-", "CONTENT_TYPE", "-", "HTTP_X_MINE", "1", "HTTP_COOKIE", "a=b",
		"QUERY_STRING", "", "PATH_INFO", "/to", "REQUEST_URI", "/to")
}

// TestClientRedirects: redirects that look like local ones and are not.
func TestClientRedirects(t *testing.T) {
	for _, stdout := range []string{
		"Status: 302 Found\nLocation: /to\n\n",
		"Location: //evil.example/x\n\n",
		"Location: /to\nSet-Cookie: a=1\n\n", // a local redirect would lose the cookie
		"Location: to\n\n",
	} {
		if a := get(t, handler(says(stdout)), "/from"); a.status != 302 || a.header.Get("Location") == "" {
			t.Errorf("%q: got %+v; want a 302", stdout, a)
		}
	}
}

// TestLocalRedirectLoop: 10 are followed, the 11th is the backend's fault.
func TestLocalRedirectLoop(t *testing.T) {
	for most, want := range map[int]int{10: 200, 11: 502} {
		asked := 0
		h := handler(backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
			if asked++; asked <= most {
				return says("Location: /again\n\n").RoundTrip(r)
			}
			return says("Content-Type: a/b\n\nhere").RoundTrip(r)
		}))
		if a := get(t, h, "/"); a.status != want {
			t.Errorf("%d redirects: got %+v; want %d", most, a, want)
		}
	}
}

// TestLocalRedirectToNowhere: a redirect is refused what a client is refused (CVE-2024-38476,
// CVE-2026-42356).
func TestLocalRedirectToNowhere(t *testing.T) {
	root := site(t, "from", "a.php", "x.jpg", "secret.txt")
	for target, want := range map[string]int{
		"/app/a.php/x": 200, "/app/missing.php": 404, "/app/x.jpg/y.php": 404, "/app/../etc/passwd": 400, "/elsewhere": 404,
		"/app/a.php%00": 400, "/app/x%2Fa.php": 404, "/app/a.php#x": 502, "/app/%zz": 400, "/app/secret.txt": 404,
	} {
		first := true
		h := &host.Handler{Mount: "/app", Root: root, SplitPath: php, ErrorLog: quiet}
		h.Backend = backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
			if first {
				first = false
				return says("Location: " + target + "\n\n").RoundTrip(r)
			}
			return says("Content-Type: a/b\n\n" + r.Environ.Get("SCRIPT_NAME")).RoundTrip(r)
		})
		if a := get(t, h, "/app/a.php"); a.status != want || want == 200 && a.body != "/app/a.php" {
			t.Errorf("%s: got %+v; want %d", target, a, want)
		}
	}
}

// TestLocalRedirectPath: the path of a redirect is interpreted as a client's path.
func TestLocalRedirectPath(t *testing.T) {
	for target, want := range map[string]string{
		"/app/a%2Fb?c":         "GET /app|/a/b|c|/app/a%2Fb?c",
		"/app/x/..//./to":      "GET /app|/to||/app/x/..//./to",
		"/x/%2e%2e/app/to/?/.": "GET /app|/to/|/.|/x/%2e%2e/app/to/?/.",
		"/app":                 "GET /app|||/app",
	} {
		for _, wrap := range faces {
			h := handler(redirector(target))
			h.Mount = "/app"
			get(t, wrap(h), "/app/from").want(t, 200, want)
		}
	}
}

// TestLocalRedirectOfAWebServer: the path must be below the mount of the web server. A web server
// that sends no PATH_INFO, as nginx with its default parameters, does not show its mount.
func TestLocalRedirectOfAWebServer(t *testing.T) {
	for _, test := range []struct {
		sent []string
		want string
	}{
		{[]string{"SCRIPT_NAME", "/app", "PATH_INFO", "/from"}, "GET /app|/to|x|/app//./to?x"},
		{[]string{"SCRIPT_NAME", "/app/from"}, "GET |/app/to|x|/app//./to?x"},
		{[]string{"DOCUMENT_URI", "/app/from"}, "GET |/app/to|x|/app//./to?x"},
		{[]string{"SCRIPT_NAME", "/other", "PATH_INFO", "/from"}, "404"},
	} {
		got, _ := serveVariables(t, handler(redirector("/app//./to?x")), test.sent...)
		if !strings.HasSuffix(got, "\n"+test.want) && !strings.HasPrefix(got, "Status: "+test.want) {
			t.Errorf("%q: got %q; want %q", test.sent, got, test.want)
		}
	}
}

// TestRouter: the outer handlers are called again, and the limit of redirects applies across them
// (CVE-2024-38476).
func TestRouter(t *testing.T) {
	mux, asked := http.NewServeMux(), atomic.Int32{}
	h := handler(redirector("/private/x"))
	h.Mount, h.Router = "/app", httpapp.New(mux)
	loop := handler(redirector("/loop/again"))
	loop.Router = httpapp.New(mux)
	mux.Handle("/app/", h)
	mux.Handle("/loop/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		loop.ServeHTTP(w, r)
	}))
	mux.HandleFunc("/private/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "keep out, "+r.Method+" "+r.RemoteAddr[:9], http.StatusForbidden)
	})
	fetch(t, mux, "POST", "/app/from", strings.NewReader("abc")).want(t, 403, "keep out, GET 127.0.0.1\n")
	if a := get(t, mux, "/loop/x"); a.status != 502 || asked.Load() != 11 {
		t.Errorf("got %+v after %d requests; want a 502 after 11", a, asked.Load())
	}
}
