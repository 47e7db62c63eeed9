package httpapp_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// metaVariables returns the variables of a request for target, changed by edit, below mount.
func metaVariables(t testing.TB, target, mount string, edit func(r *http.Request)) *util.Environ {
	t.Helper()
	r := httptest.NewRequest("GET", target, nil)
	if edit != nil {
		edit(r)
	}
	e, err := httpapp.MetaVariables(r, mount)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// The ids are those of testdata/requirements.txt for the web server's side.
func TestMetaVariables(t *testing.T) {
	field := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = values }
	}
	tests := []struct {
		id, target string
		edit       func(*http.Request)
		name, want string
	}{
		{"C1", "/", nil, "QUERY_STRING", ""},
		{"C1 raw", "/?a=%41+b&c", nil, "QUERY_STRING", "a=%41+b&c"},
		{"C2", "/", func(r *http.Request) { r.Method = "get" }, "REQUEST_METHOD", "get"},
		{"C2 of a client's request", "/", func(r *http.Request) { r.Method = "" }, "REQUEST_METHOD", "GET"},
		{"C3", "/", nil, "SCRIPT_NAME", ""},
		{"C4", "http://www.example:81/", nil, "SERVER_NAME", "www.example"},
		{"C4 IPv6", "http://[::1]:81/", nil, "SERVER_NAME", "[::1]"},
		{"C4 IPv6 without port", "http://[::1]/", nil, "SERVER_NAME", "[::1]"},
		{"C4 HTTP/1.0 without Host", "/", func(r *http.Request) { r.Host = "" }, "SERVER_NAME", "localhost"},
		{"C5", "http://h/", nil, "SERVER_PORT", "80"},
		{"C5 https", "https://h/", nil, "SERVER_PORT", "443"},
		{"C5 the client's", "http://h:81/", nil, "SERVER_PORT", "81"},
		{"C5 no number", "/", func(r *http.Request) { r.Host = "h:x" }, "SERVER_PORT", "80"},
		{"C6", "/", nil, "SERVER_PROTOCOL", "HTTP/1.1"},
		{"C6 HTTP/2", "/", func(r *http.Request) { r.Proto = "HTTP/2.0" }, "SERVER_PROTOCOL", "HTTP/2.0"},
		{"C7", "/", nil, "SERVER_SOFTWARE", "cgikit"},
		{"C8", "/", nil, "GATEWAY_INTERFACE", "CGI/1.1"},
		{"C9", "/", nil, "REMOTE_ADDR", "192.0.2.1"},
		{"C9 port", "/", nil, "REMOTE_PORT", "1234"},
		{"C9 IPv6", "/", func(r *http.Request) { r.RemoteAddr = "[::1]:5" }, "REMOTE_ADDR", "::1"},
		{"C9 set by a middleware", "/", func(r *http.Request) { r.RemoteAddr = "2001:db8::1" }, "REMOTE_ADDR", "2001:db8::1"},
		{"C9 link-local", "/", func(r *http.Request) { r.RemoteAddr = "[fe80::1%eth0]:5" }, "REMOTE_ADDR", "fe80::1"},
		{"C9 port of link-local", "/", func(r *http.Request) { r.RemoteAddr = "[fe80::1%eth0]:5" }, "REMOTE_PORT", "5"},
		{"C9 IPv4-mapped", "/", func(r *http.Request) { r.RemoteAddr = "[::ffff:192.0.2.1]:5" }, "REMOTE_ADDR", "192.0.2.1"},
		{"C9 zone set by a middleware", "/", func(r *http.Request) { r.RemoteAddr = "fe80::1%1" }, "REMOTE_ADDR", "fe80::1"},
		{"C9 IPv4-mapped and set by a middleware", "/", func(r *http.Request) { r.RemoteAddr = "::ffff:c000:201" }, "REMOTE_ADDR", "192.0.2.1"},
		{"C9 no address", "/", func(r *http.Request) { r.RemoteAddr = "client%1" }, "REMOTE_ADDR", "client%1"},
		{"C9 unix socket", "/", func(r *http.Request) { r.RemoteAddr = "@" }, "REMOTE_ADDR", "unix:"},
		{"C9 named unix socket", "/", func(r *http.Request) { r.RemoteAddr = "/run/c.sock" }, "REMOTE_ADDR", "unix:"},
		{"C12", "/", func(r *http.Request) { r.ContentLength = 7 }, "CONTENT_LENGTH", "7"},
		{"C12 declared empty", "/", field("Content-Length", "0"), "CONTENT_LENGTH", "0"},
		{"C14", "/", field("Content-Type", "a/b"), "CONTENT_TYPE", "a/b"},
		{"C15 decoded", "/a%20b", nil, "PATH_INFO", "/a b"},
		{"C15 encoded slash", "/a%2Fb//c", nil, "PATH_INFO", "/a/b//c"},
		{"C15 absolute form without path", "http://h", nil, "PATH_INFO", "/"},
		{"C15 asterisk", "*", options, "PATH_INFO", ""},
		{"C18", "/", field("X-Forwarded-For", "a"), "HTTP_X_FORWARDED_FOR", "a"},
		{"C19", "/", field("Accept", "a", "b"), "HTTP_ACCEPT", "a, b"},
		{"C19 cookies", "/", field("Cookie", "a=1", "b=2"), "HTTP_COOKIE", "a=1; b=2"},
		{"C21 departed from: an App checks it by itself", "/", field("Authorization", "Basic x"), "HTTP_AUTHORIZATION", "Basic x"},
		{"git sends gzip", "/", field("Content-Encoding", "gzip"), "HTTP_CONTENT_ENCODING", "gzip"},
		{"Host", "http://h:81/", nil, "HTTP_HOST", "h:81"},
		{"scheme", "/", nil, "REQUEST_SCHEME", "http"},
		{"scheme https", "https://h/", nil, "REQUEST_SCHEME", "https"},
		{"HTTPS", "https://h/", nil, "HTTPS", "on"},
		{"raw REQUEST_URI", "/a%2Fb//c?d", nil, "REQUEST_URI", "/a%2Fb//c?d"},
		{"REQUEST_URI with dots and a second question mark", "/a/../b//c/.?d?e=/../f", nil, "REQUEST_URI", "/a/../b//c/.?d?e=/../f"},
		{"REQUEST_URI of an absolute form", "http://user:secret@h:81/a%2Fb?d", nil, "REQUEST_URI", "/a%2Fb?d"},
		{"REQUEST_URI of an absolute form with a URL in it", "http://h/go/http://o/?u=http://p/", nil, "REQUEST_URI", "/go/http://o/?u=http://p/"},
		{"REQUEST_URI of an absolute form without path", "http://user@h", nil, "REQUEST_URI", "/"},
		{"REQUEST_URI of an absolute form with a query alone", "http://h?d", nil, "REQUEST_URI", "/?d"},
		{"PATH_INFO of an absolute form with a query alone", "http://h?d", nil, "PATH_INFO", "/"},
		{"HTTP_HOST of an absolute form", "http://user:secret@h:81/", nil, "HTTP_HOST", "h:81"},
		{"REQUEST_URI of an asterisk", "*", options, "REQUEST_URI", "*"},
		{"REQUEST_URI of a client's request", "/a%2Fb?d", func(r *http.Request) { r.RequestURI = "" }, "REQUEST_URI", "/a%2Fb?d"},
	}
	for _, tt := range tests {
		t.Run(tt.id, func(t *testing.T) {
			e := metaVariables(t, tt.target, "", tt.edit)
			if got, ok := e.Lookup(tt.name); got != tt.want || !ok {
				t.Errorf("got %q, %t; want %q", got, ok, tt.want)
			}
		})
	}
}

func options(r *http.Request) { r.Method = http.MethodOptions }

// Variables that must not be there.
func TestMetaVariablesAbsent(t *testing.T) {
	e := metaVariables(t, "/", "", func(r *http.Request) {
		r.ContentLength = -1
		r.TransferEncoding = []string{"chunked"}
		r.Header = http.Header{
			"Proxy": {"evil"}, "X_Forwarded_For": {"1"}, "X.Real.Ip": {"1"}, "X!": {"1"}, "": {"1"}, "Host": {"other"},
			"Proxy-Authorization": {"x"}, "Transfer-Encoding": {"chunked"}, "Content-Length": {"5"}, "Trailer": {"x"},
		}
	})
	for name, value := range e.All() {
		if strings.HasPrefix(name, "HTTP_") && name != "HTTP_HOST" {
			t.Errorf("got %s=%q (C13, C21, C22)", name, value)
		}
	}
	for _, name := range []string{"CONTENT_LENGTH", "CONTENT_TYPE", "HTTPS", "AUTH_TYPE", "REMOTE_USER", "PATH_TRANSLATED"} {
		if value, ok := e.Lookup(name); ok {
			t.Errorf("got %s=%q (C11, C12, C14, C16)", name, value)
		}
	}
	seen := e.Map()
	if len(seen) != e.Len() {
		t.Errorf("%d variables, %d names (C19)", e.Len(), len(seen))
	}
}

// mapped is an IPv4 address in the text form of IPv6, which net.TCPAddr never uses for one.
type mapped string

func (mapped) Network() string  { return "tcp" }
func (m mapped) String() string { return string(m) }

func TestMetaVariablesLocalAddress(t *testing.T) {
	tests := []struct {
		name             string
		local            net.Addr
		host             string
		server, ip, port string
	}{
		{"TCP", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, "", "127.0.0.1", "127.0.0.1", "8080"},
		{"IPv6", &net.TCPAddr{IP: net.IPv6loopback, Port: 8080}, "", "[::1]", "::1", "8080"},
		{"link-local", &net.TCPAddr{IP: net.ParseIP("fe80::1"), Zone: "eth0", Port: 80}, "", "[fe80::1]", "fe80::1", "80"},
		{"IPv4-mapped", mapped("[::ffff:192.0.2.1]:80"), "", "192.0.2.1", "192.0.2.1", "80"},
		{"the request's port counts", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}, "h:81", "h", "127.0.0.1", "8080"},
		{"unix", &net.UnixAddr{Net: "unix", Name: "/run/s"}, "h:81", "h", "", "81"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.Host = tt.host
			r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, tt.local))
			e, err := httpapp.MetaVariables(r, "")
			if err != nil {
				t.Fatal(err)
			}
			if e.Get("SERVER_NAME") != tt.server || e.Get("SERVER_ADDR") != tt.ip || e.Get("SERVER_PORT") != tt.port {
				t.Errorf("got %q %q %q; want %q %q %q", e.Get("SERVER_NAME"), e.Get("SERVER_ADDR"), e.Get("SERVER_PORT"), tt.server, tt.ip, tt.port)
			}
		})
	}
}

func TestMount(t *testing.T) {
	tests := []struct {
		name, target, mount string
		script, info        string // script "404" means outside the mount
	}{
		{"root", "/x", "", "", "/x"},
		{"root as slash", "/x", "/", "", "/x"},
		{"exactly", "/app", "/app", "/app", ""},
		{"directory", "/app/", "/app", "/app", "/"},
		{"below", "/app/x/y", "/app", "/app", "/x/y"},
		{"mount with slash at the end", "/app/x", "/app/", "/app", "/x"},
		{"mount without slash", "/app/x", "app", "/app", "/x"},
		{"two segments", "/a/b/c", "/a/b", "/a/b", "/c"},
		{"segment boundary", "/apple", "/app", "404", ""},
		{"above", "/", "/app", "404", ""},
		{"shorter", "/a", "/a/b", "404", ""},
		{"case", "/APP/x", "/app", "404", ""},
		{"encoded letter", "/%61pp/x", "/app", "/app", "/x"},
		{"encoded space", "/my%20app/x", "/my app", "/my app", "/x"},
		{"encoded slash after", "/app/%2Fx", "/app", "/app", "//x"},
		{"encoded slash as the boundary (C15)", "/app%2Fx", "/app", "404", ""},
		{"encoded slash within the mount (C15)", "/a%2Fb/c", "/a/b", "404", ""},
		{"repeated slashes after", "/app//x//", "/app", "/app", "//x//"},
		{"repeated slashes before", "//app/x", "/app", "404", ""},
		{"dot segments are the client's affair", "/app/../x", "/app", "/app", "/../x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := httpapp.MetaVariables(httptest.NewRequest("GET", tt.target, nil), tt.mount)
			if tt.script == "404" {
				if !errors.Is(err, httpapp.ErrOutsideMount) {
					t.Errorf("got SCRIPT_NAME %q, PATH_INFO %q, %v; want %v", e.Get("SCRIPT_NAME"), e.Get("PATH_INFO"), err, httpapp.ErrOutsideMount)
				}
				return
			}
			if err != nil || e.Get("SCRIPT_NAME") != tt.script || e.Get("PATH_INFO") != tt.info {
				t.Errorf("got SCRIPT_NAME %q, PATH_INFO %q, %v; want %q, %q", e.Get("SCRIPT_NAME"), e.Get("PATH_INFO"), err, tt.script, tt.info)
			}
		})
	}
}

func TestConnect(t *testing.T) {
	r := &http.Request{Method: "CONNECT", URL: &url.URL{Host: "o:443"}, Host: "o:443", RequestURI: "o:443", TLS: &tls.ConnectionState{}}
	e, err := httpapp.MetaVariables(r, "")
	if err != nil || e.Get("PATH_INFO") != "" || e.Get("REQUEST_URI") != "o:443" {
		t.Errorf("got PATH_INFO %q, REQUEST_URI %q, %v", e.Get("PATH_INFO"), e.Get("REQUEST_URI"), err)
	}
}

// An outer handler may remove a prefix from the path. The rest is then the path of the App.
func TestStripPrefixAround(t *testing.T) {
	var e *util.Environ
	h := http.StripPrefix("/api", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, _ = httpapp.MetaVariables(r, "")
	}))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/a%2Fb", nil))
	if e.Get("PATH_INFO") != "/a/b" || e.Get("REQUEST_URI") != "/api/a%2Fb" {
		t.Errorf("got PATH_INFO %q, REQUEST_URI %q", e.Get("PATH_INFO"), e.Get("REQUEST_URI"))
	}
	http.StripPrefix("/api/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e, _ = httpapp.MetaVariables(r, "")
	})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/api/x", nil))
	if e.Get("PATH_INFO") != "/x" {
		t.Errorf("a path cut in a segment: got PATH_INFO %q; want /x", e.Get("PATH_INFO"))
	}
}
