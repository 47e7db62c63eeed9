package httpapp_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// "net/http/cgi:" in a name gives the result of RequestFromMap for the same variables.

func TestTarget(t *testing.T) {
	tests := []struct {
		name            string
		vars            []string
		uri, path, host string // RequestURI, URL.Path, URL.Host
		query           string
	}{
		{"origin form; net/http/cgi: empty RequestURI, absolute URL",
			[]string{"HTTP_HOST", "h", "REQUEST_URI", "/a/b?x=1"}, "/a/b?x=1", "/a/b", "", "x=1"},
		{"asterisk; net/http/cgi: host h*",
			[]string{"REQUEST_METHOD", "OPTIONS", "HTTP_HOST", "h", "REQUEST_URI", "*"}, "*", "*", "", ""},
		{"absolute form; net/http/cgi: host hhttp:, path //o/x",
			[]string{"HTTP_HOST", "h", "REQUEST_URI", "http://o/x?y"}, "http://o/x?y", "/x", "o", "y"},
		{"authority form; net/http/cgi: glued to the host",
			[]string{"REQUEST_METHOD", "CONNECT", "HTTP_HOST", "h", "REQUEST_URI", "o:443"}, "o:443", "", "o:443", ""},
		{"CONNECT to a path", []string{"REQUEST_METHOD", "CONNECT", "REQUEST_URI", "/_goRPC_"}, "/_goRPC_", "/_goRPC_", "", ""},
		{"CONNECT without an authority",
			[]string{"REQUEST_METHOD", "CONNECT", "REQUEST_URI", "a b", "PATH_INFO", "/p"}, "/p", "/p", "", ""},
		{"unparsable; net/http/cgi: error and 500",
			[]string{"HTTP_HOST", "h", "REQUEST_URI", "/a%zz", "SCRIPT_NAME", "/s", "PATH_INFO", "/a", "QUERY_STRING", "q"}, "/s/a?q", "/s/a", "", "q"},
		{"control character", []string{"REQUEST_URI", "/a\r\nb", "PATH_INFO", "/a\r\nb"}, "/a%0D%0Ab", "/a\r\nb", "", ""},
		{"relative", []string{"REQUEST_URI", "page.shtml", "SCRIPT_NAME", "/cgi/app"}, "/cgi/app", "/cgi/app", "", ""},
		{"relative with a colon", []string{"REQUEST_URI", "mailto:a@b", "SCRIPT_NAME", "/app"}, "/app", "/app", "", ""},
		{"server-side include (A12): REQUEST_URI is the page's", []string{"SERVER_PROTOCOL", "INCLUDED",
			"REQUEST_URI", "/page.shtml?p", "SCRIPT_NAME", "/app", "PATH_INFO", "/x", "QUERY_STRING", "q"}, "/app/x?q", "/app/x", "", "q"},
		{"Tomcat's query (golang/go#54961); net/http/cgi: query lost",
			[]string{"HTTP_HOST", "h", "REQUEST_URI", "/a", "QUERY_STRING", "x=1"}, "/a?x=1", "/a", "", "x=1"},
		{"REQUEST_URI's query wins", []string{"REQUEST_URI", "/a?client=1", "QUERY_STRING", "rewritten=1"}, "/a?client=1", "/a", "", "client=1"},
		{"empty query stays", []string{"REQUEST_URI", "/a?", "QUERY_STRING", "x"}, "/a?", "/a", "", ""},
		{"no REQUEST_URI (A11)", []string{"SCRIPT_NAME", "/s", "PATH_INFO", "/a b%", "QUERY_STRING", "q=1"}, "/s/a%20b%25?q=1", "/s/a b%", "", "q=1"},
		{"nothing at all", nil, "/", "/", "", ""},
		{"SCRIPT_NAME / for the root", []string{"SCRIPT_NAME", "/", "PATH_INFO", "/x"}, "/x", "/x", "", ""},
		{"no leading slashes", []string{"SCRIPT_NAME", "s", "PATH_INFO", "x"}, "/s/x", "/s/x", "", ""},
		{"raw bytes in QUERY_STRING", []string{"QUERY_STRING", "a b\r\n\xff#\x7f"}, "/?a%20b%0D%0A\xff#%7F", "/", "", "a%20b%0D%0A\xff#%7F"},
		{"repeated slashes", []string{"HTTP_HOST", "h", "REQUEST_URI", "//o//x"}, "//o//x", "//o//x", "", ""},
		{"encoded slash", []string{"REQUEST_URI", "/a%2Fb"}, "/a%2Fb", "/a/b", "", ""},
		{"SCRIPT_NAME is not stripped", []string{"REQUEST_URI", "/app/x", "SCRIPT_NAME", "/app", "PATH_INFO", "/x"}, "/app/x", "/app/x", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := mustRequest(t, tt.vars...)
			if r.RequestURI != tt.uri || r.URL.Path != tt.path || r.URL.Host != tt.host || r.URL.RawQuery != tt.query {
				t.Errorf("got RequestURI %q, URL path %q, host %q, query %q; want %q, %q, %q, %q",
					r.RequestURI, r.URL.Path, r.URL.Host, r.URL.RawQuery, tt.uri, tt.path, tt.host, tt.query)
			}
		})
	}
	if r := mustRequest(t, "REQUEST_URI", "/a%2Fb"); r.URL.EscapedPath() != "/a%2Fb" {
		t.Errorf("escaped path: got %q; want %q", r.URL.EscapedPath(), "/a%2Fb")
	}
}

func TestHost(t *testing.T) {
	tests := []struct {
		name string
		vars []string
		want string
	}{
		{"the client's", []string{"HTTP_HOST", "h:81", "SERVER_NAME", "s", "SERVER_PORT", "80"}, "h:81"},
		{"absolute form wins (RFC 9112 section 3.2.2)", []string{"HTTP_HOST", "h", "REQUEST_URI", "http://o:8/x"}, "o:8"},
		{"none: the server's (A11); net/http/cgi: empty", []string{"SERVER_NAME", "s", "SERVER_PORT", "8080"}, "s:8080"},
		{"default port", []string{"SERVER_NAME", "s", "SERVER_PORT", "80"}, "s"},
		{"default port of https", []string{"SERVER_NAME", "s", "SERVER_PORT", "443", "HTTPS", "on"}, "s"},
		{"http on 443", []string{"SERVER_NAME", "s", "SERVER_PORT", "443"}, "s:443"},
		{"IPv6 without brackets", []string{"SERVER_NAME", "::1", "SERVER_PORT", "81"}, "[::1]:81"},
		{"IPv6 with brackets", []string{"SERVER_NAME", "[::1]", "SERVER_PORT", "81"}, "[::1]:81"},
		{"nginx without server_name", []string{"SERVER_NAME", "", "SERVER_ADDR", "10.0.0.1", "SERVER_PORT", "81"}, "10.0.0.1:81"},
		{"nginx's server_name as an expression", []string{"SERVER_NAME", `~^(?<x>.+)\.org$`, "SERVER_PORT", "80"}, ""},
		{"nothing", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := mustRequest(t, tt.vars...).Host; got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func TestBadRequest(t *testing.T) {
	for _, vars := range [][]string{
		{"HTTP_HOST", "h\r\nSet-Cookie: a"},
		{"HTTP_HOST", "a b"},
		{"HTTP_HOST", "h/p"},
		{"CONTENT_LENGTH", "-7"}, // net/http/cgi: ContentLength -7
		{"CONTENT_LENGTH", "+7"},
	} {
		if _, err := request(environ(vars...)); err == nil || !strings.HasPrefix(err.Error(), "400 ") {
			t.Errorf("%q: got %v; want 400", vars, err)
		}
	}
}

// An App may be called by other code than BaseCGIHandler, which checks the length itself.
func TestBadLengthWithoutGateway(t *testing.T) {
	app := httpapp.New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("handler called") }))
	err := app.ServeGateway(nil, &gateway.Request{Environ: environ("CONTENT_LENGTH", "1_0")})
	if bad := (*gateway.RequestError)(nil); !errors.As(err, &bad) {
		t.Errorf("got %v; want a RequestError", err)
	}
}

func TestRemoteAddr(t *testing.T) {
	tests := []struct{ name, addr, port, want string }{
		{"IPv4", "192.0.2.1", "1234", "192.0.2.1:1234"},
		{"IPv6", "2001:db8::1", "1234", "[2001:db8::1]:1234"},
		{"IPv6 with zone", "fe80::1%eth0", "1", "[fe80::1%eth0]:1"},
		{"IPv6 in brackets", "[::1]", "1", "[::1]:1"},
		{"no port", "192.0.2.1", "", "192.0.2.1:0"},
		{"bad port", "192.0.2.1", "99999", "192.0.2.1:0"},
		{"nginx on a unix socket", "unix:", "", "unix:"},
		{"none; net/http/cgi: :0", "", "", ""},
		{"a name", "localhost", "12", "localhost"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := mustRequest(t, "REMOTE_ADDR", tt.addr, "REMOTE_PORT", tt.port).RemoteAddr
			if got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			if _, _, err := net.SplitHostPort(got); (err == nil) != strings.Contains(tt.want, ":") {
				t.Errorf("net.SplitHostPort(%q): %v", got, err)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	tests := []struct {
		vars []string
		want bool
	}{
		{[]string{"HTTPS", "on"}, true},
		{[]string{"HTTPS", "On"}, true}, // net/http/cgi: no TLS
		{[]string{"HTTPS", "1"}, true},
		{[]string{"HTTPS", "yes"}, true}, // net/http/cgi: no TLS
		{[]string{"REQUEST_SCHEME", "https"}, true},
		{[]string{"HTTPS", "off"}, false},
		{[]string{"HTTPS", ""}, false},
		{nil, false},
	}
	for _, tt := range tests {
		tls := mustRequest(t, tt.vars...).TLS
		if got := tls != nil && tls.HandshakeComplete; got != tt.want {
			t.Errorf("%q: got %t; want %t", tt.vars, got, tt.want)
		}
	}
}

func TestProtocol(t *testing.T) {
	tests := []struct {
		given, proto string
		major, minor int
	}{
		{"HTTP/1.1", "HTTP/1.1", 1, 1},
		{"HTTP/1.0", "HTTP/1.0", 1, 0},
		{"HTTP/2.0", "HTTP/2.0", 2, 0},
		{"HTTP/2", "HTTP/2.0", 2, 0}, // net/http/cgi: error and 500
		{"HTTP/3", "HTTP/3.0", 3, 0},
		{"INCLUDED", "INCLUDED", 1, 0}, // A12
		{"", "HTTP/1.0", 1, 0},         // A12; net/http/cgi: error and 500
		{"odd", "HTTP/1.0", 1, 0},
	}
	for _, tt := range tests {
		r := mustRequest(t, "SERVER_PROTOCOL", tt.given)
		if r.Proto != tt.proto || r.ProtoMajor != tt.major || r.ProtoMinor != tt.minor {
			t.Errorf("%q: got %q %d.%d; want %q %d.%d", tt.given, r.Proto, r.ProtoMajor, r.ProtoMinor, tt.proto, tt.major, tt.minor)
		}
	}
}

func TestMethod(t *testing.T) {
	if got := mustRequest(t).Method; got != "GET" {
		t.Errorf("none: got %q; want GET", got)
	}
	if got := mustRequest(t, "REQUEST_METHOD", "get").Method; got != "get" {
		t.Errorf("case: got %q; want get", got) // C2, on the App's side
	}
}

func TestFields(t *testing.T) {
	r := mustRequest(t,
		"CONTENT_TYPE", "text/plain", "HTTP_CONTENT_TYPE", "text/plain", // net/http/cgi: two values
		"CONTENT_LENGTH", "0", "HTTP_CONTENT_LENGTH", "0",
		"HTTP_HOST", "h", "HTTP_PROXY", "evil", "HTTP_TRANSFER_ENCODING", "identity",
		"HTTP_USER_AGENT", "ua", "HTTP_X_MY_FIELD", "1", "HTTP_X_EMPTY", "", "HTTP_COOKIE", "a=1; b=2",
		"HTTP_ACCEPT", "first", "HTTP_ACCEPT", "last", "HTTP_", "nameless", "HTTP_BAD NAME", "1", "HTTP_lower_case", "1",
		"REMOTE_USER", "joe", "HTTPS", "on")
	want := http.Header{
		"Content-Type": {"text/plain"}, "Content-Length": {"0"}, "User-Agent": {"ua"}, "X-My-Field": {"1"}, "X-Empty": {""},
		"Cookie": {"a=1; b=2"}, "Accept": {"last"}, "Lower-Case": {"1"},
	}
	wantHeader(t, r.Header, want)
	if c, err := r.Cookie("b"); err != nil || c.Value != "2" {
		t.Errorf("cookie b: got %v, %v", c, err)
	}
	for name := range want {
		r.Header.Add(name, "more") // the values share a slice: appending must not overwrite the next one
		want[name] = append(want[name], "more")
	}
	wantHeader(t, r.Header, want)
	if got := httpapp.Environ(r).Get("REMOTE_USER"); got != "joe" {
		t.Errorf("REMOTE_USER: got %q; want joe", got)
	}
}

// HTTP_PROXY never becomes a field, whatever calls the App (CVE-2016-5386).
func TestProxyWithoutGateway(t *testing.T) {
	app := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got, ok := r.Header["Proxy"]; ok {
			t.Errorf("got Proxy %q", got)
		}
	}))
	if err := app.ServeGateway(new(discard), &gateway.Request{Environ: environ("HTTP_PROXY", "evil")}); err != nil {
		t.Error(err)
	}
}

func wantHeader(t *testing.T, got, want http.Header) {
	t.Helper()
	for name, values := range want {
		if strings.Join(got[name], "|") != strings.Join(values, "|") {
			t.Errorf("%s: got %q; want %q", name, got[name], values)
		}
	}
	for name, values := range got {
		if _, ok := want[name]; !ok {
			t.Errorf("unexpected %s: %q", name, values)
		}
	}
}

// The constant names are those that net/http would have made.
func TestFieldNamesAreCanonical(t *testing.T) {
	for variable := range strings.FieldsSeq(`HTTP_ACCEPT HTTP_ACCEPT_ENCODING HTTP_ACCEPT_LANGUAGE HTTP_AUTHORIZATION HTTP_CACHE_CONTROL
		HTTP_CONNECTION HTTP_COOKIE HTTP_DNT HTTP_IF_MODIFIED_SINCE HTTP_IF_NONE_MATCH HTTP_ORIGIN HTTP_PRAGMA HTTP_PRIORITY HTTP_RANGE
		HTTP_REFERER HTTP_SEC_FETCH_DEST HTTP_SEC_FETCH_MODE HTTP_SEC_FETCH_SITE HTTP_SEC_FETCH_USER HTTP_UPGRADE_INSECURE_REQUESTS
		HTTP_USER_AGENT HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED_HOST HTTP_X_FORWARDED_PROTO HTTP_X_REAL_IP CONTENT_TYPE CONTENT_LENGTH`) {
		want := http.CanonicalHeaderKey(strings.ReplaceAll(strings.TrimPrefix(variable, "HTTP_"), "_", "-"))
		if got := mustRequest(t, variable, "1").Header[want]; len(got) != 1 || got[0] != "1" {
			t.Errorf("%s: got %q under %s", variable, got, want)
		}
	}
}

func TestBasicAuth(t *testing.T) {
	r := mustRequest(t, "HTTP_AUTHORIZATION", "Basic am9lOnNlY3JldA==")
	if user, password, ok := r.BasicAuth(); user != "joe" || password != "secret" || !ok {
		t.Errorf("got %q, %q, %t", user, password, ok)
	}
}

func TestBody(t *testing.T) {
	tests := []struct {
		name, method string
		vars         []string
		stdin        string
		length       int64
		coding       string
		want         string
	}{
		{"none", "GET", nil, "not ours", 0, "", ""},
		{"empty CONTENT_LENGTH", "GET", []string{"CONTENT_LENGTH", ""}, "not ours", 0, "", ""},
		{"declared empty", "POST", []string{"CONTENT_LENGTH", "0"}, "not ours", 0, "", ""},
		{"known", "POST", []string{"CONTENT_LENGTH", "3"}, "abcdef", 3, "", "abc"},
		{"known, GET", "GET", []string{"CONTENT_LENGTH", "3"}, "abcdef", 3, "", "abc"},
		{"Apache's chunked; net/http/cgi: body lost", "POST", []string{"HTTP_TRANSFER_ENCODING", "chunked"}, "abcdef", -1, "chunked", "abcdef"},
		{"unknown, and none", "POST", nil, "not ours", -1, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runHandler(func(w http.ResponseWriter, r *http.Request) {
				if r.ContentLength != tt.length || strings.Join(r.TransferEncoding, ",") != tt.coding {
					t.Errorf("got length %d, coding %q; want %d, %q", r.ContentLength, r.TransferEncoding, tt.length, tt.coding)
				}
				if isNone := r.Body == http.NoBody; isNone != (tt.length == 0) {
					t.Errorf("http.NoBody: got %t", isNone)
				}
				if got := readAll(t, r.Body); got != tt.want {
					t.Errorf("got body %q; want %q", got, tt.want)
				}
			}, environ(append(tt.vars, "REQUEST_METHOD", tt.method)...), tt.stdin)
		})
	}
}

func TestBodyEndsEarly(t *testing.T) {
	runHandler(func(w http.ResponseWriter, r *http.Request) {
		// net/http/cgi: io.EOF
		if b, err := io.ReadAll(r.Body); string(b) != "abc" || err != io.ErrUnexpectedEOF {
			t.Errorf("got %q, %v; want abc, %v", b, err, io.ErrUnexpectedEOF)
		}
	}, environ("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "5"), "abc")
}

func TestBodyAfterwards(t *testing.T) {
	var kept io.Reader
	runHandler(func(w http.ResponseWriter, r *http.Request) { kept = r.Body },
		environ("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "3"), "abc")
	if n, err := kept.Read(make([]byte, 3)); n != 0 || !errors.Is(err, gateway.ErrFinished) {
		t.Errorf("after the handler: got %d, %v; want %v", n, err, gateway.ErrFinished)
	}
	runHandler(func(w http.ResponseWriter, r *http.Request) {
		if err := r.Body.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if _, err := r.Body.Read(make([]byte, 3)); err != http.ErrBodyReadAfterClose {
			t.Errorf("after close: got %v; want %v", err, http.ErrBodyReadAfterClose)
		}
	}, environ("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "3"), "abc")
}

func TestBodyTooLarge(t *testing.T) {
	app := httpapp.New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		large := (*http.MaxBytesError)(nil)
		if !errors.As(err, &large) || large.Limit != 4 {
			t.Errorf("got %v; want http.MaxBytesError of 4", err)
		}
		if own := (*gateway.BodyTooLargeError)(nil); !errors.As(err, &own) {
			t.Errorf("%v does not wrap the gateway's error", err)
		}
	}))
	h := gateway.BaseCGIHandler{Environ: environ("REQUEST_METHOD", "POST"), Stdin: strings.NewReader("abcdef"), StdinStream: true,
		Stdout: io.Discard, MaxBodyBytes: 4}
	if err := h.Run(t.Context(), app); err != nil {
		t.Error(err)
	}
}

func TestMaxBytesReader(t *testing.T) {
	got := runHandler(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2)); err != nil {
			http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		}
	}, environ("REQUEST_METHOD", "POST", "CONTENT_LENGTH", "3"), "abc")
	if got.status != "413 Request Entity Too Large" {
		t.Errorf("got %q", got.status)
	}
}
