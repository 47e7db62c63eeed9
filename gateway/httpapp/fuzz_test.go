package httpapp_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/httpapp"
)

// FuzzRequest makes a request from arbitrary variables. The handler gets a request that net/http's
// own server could have made, or none.
func FuzzRequest(f *testing.F) {
	f.Add("GET", "/a/b?c", "/a", "/b", "c", "h:80", "s", "80", "127.0.0.1", "HTTP/1.1", "X_A", "1")
	f.Add("OPTIONS", "*", "", "", "", "", "::1", "81", "::1", "INCLUDED", "CONTENT_TYPE", "a/b")
	f.Add("CONNECT", "o:443", "/", "x", "?", "", "~^x$", "443", "unix:", "HTTP/2", "PROXY", "evil")
	f.Add("", "http://o/x", "", "//x", "a b\r\n", "h\r\nX: y", "", "", "", "", "", "")
	f.Add("GET", "/a%zz", "s", "a%\xff\x00", "\x7f", "[::1]", "", "", "", "x", "A B", "\r\n")
	f.Add("GET", "/", "", "/", "", "h", "s", "80", "", "HTTP/1.1", "pROXY", "evil")
	f.Fuzz(func(t *testing.T, method, uri, script, info, query, host, server, port, remote, proto, field, value string) {
		e := environ("REQUEST_METHOD", method, "REQUEST_URI", uri, "SCRIPT_NAME", script, "PATH_INFO", info, "QUERY_STRING", query,
			"HTTP_HOST", host, "SERVER_NAME", server, "SERVER_PORT", port, "REMOTE_ADDR", remote, "SERVER_PROTOCOL", proto, "HTTP_"+field, value)
		r, err := request(e)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "400 ") {
				t.Fatalf("got %v; want a request or 400", err)
			}
			return
		}
		if strings.ContainsAny(r.Host, "\r\n\x00 /") {
			t.Errorf("Host %q", r.Host)
		}
		checkURL(t, r)
		for name, values := range r.Header {
			if name != http.CanonicalHeaderKey(name) || len(values) != 1 || name == "Proxy" || name == "Host" {
				t.Errorf("field %q: %q", name, values)
			}
		}
	})
}

// checkURL checks that RequestURI parses to URL, as in every request of net/http's server.
func checkURL(t *testing.T, r *http.Request) {
	t.Helper()
	target := r.RequestURI
	authority := r.Method == "CONNECT" && !strings.HasPrefix(target, "/")
	if authority {
		target = "http://" + target
	}
	parsed, err := url.ParseRequestURI(target)
	if err != nil {
		t.Fatalf("RequestURI %q: %v", r.RequestURI, err)
	}
	if authority {
		parsed.Scheme = ""
	}
	if parsed.String() != r.URL.String() || parsed.Path != r.URL.Path || parsed.RawQuery != r.URL.RawQuery || parsed.Host != r.URL.Host {
		t.Errorf("RequestURI %q parses to %#v; URL is %#v", r.RequestURI, parsed, r.URL)
	}
}

// FuzzMount splits arbitrary paths. SCRIPT_NAME and PATH_INFO together are the path of the request,
// and the split is at a slash that the client sent unencoded.
func FuzzMount(f *testing.F) {
	f.Add("/app/x", "/app")
	f.Add("/a%2Fb/c", "/a/b")
	f.Add("//%2f/", "/")
	f.Add("/my%20app", "my app")
	f.Fuzz(func(t *testing.T, target, mount string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || !strings.HasPrefix(target, "/") {
			return
		}
		r := httptest.NewRequest("GET", "/", nil)
		r.URL, r.RequestURI = u, target
		e, err := httpapp.MetaVariables(r, mount)
		if err != nil {
			return
		}
		script, info := e.Get("SCRIPT_NAME"), e.Get("PATH_INFO")
		if script+info != u.Path || info != "" && info[0] != '/' || strings.HasSuffix(script, "/") {
			t.Errorf("%q below %q: got SCRIPT_NAME %q, PATH_INFO %q", target, mount, script, info)
		}
		if want := strings.Count(script, "/"); strings.Count(u.EscapedPath(), "/") < want {
			t.Errorf("%q below %q: SCRIPT_NAME %q has a slash that the client did not send", target, mount, script)
		}
	})
}

// FuzzResponse answers with arbitrary fields. net/http sends a response whatever they are, and so
// must an App: never the error page, and no field that the handler did not set.
func FuzzResponse(f *testing.F) {
	f.Add(200, "X-A", "1", "<html>")
	f.Add(304, "Content-Length", "5", "hello")
	f.Add(200, "Content-Length", "5", "hello")
	f.Add(999, "Bad\r\nName", "a\r\nb", "")
	f.Add(204, "Transfer-Encoding", "\x00", "x")
	f.Fuzz(func(t *testing.T, code int, name, value, body string) {
		if code < 200 || code > 999 || strings.EqualFold(name, "Content-Length") {
			return
		}
		got := runHandler(func(w http.ResponseWriter, r *http.Request) {
			w.Header()[name] = []string{value}
			w.WriteHeader(code)
			w.Write([]byte(body))
		}, environ(), "")
		if got.err != nil || !strings.HasPrefix(got.status, strconv.Itoa(code)+" ") || got.stderr != "" {
			t.Fatalf("got %q, %v, stderr %q", got.status, got.err, got.stderr)
		}
		for _, field := range got.fields {
			set, _, ok := strings.Cut(field, ": ")
			if !ok || set != name && set != "Content-Type" && set != "Content-Length" {
				t.Errorf("got field %q", field)
			}
		}
	})
}
