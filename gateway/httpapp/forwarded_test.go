package httpapp_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
	"github.com/cgikit/cgikit/util"
)

var trustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8:a::/48")}

// describeFor returns the variables of a request with the given peer and fields.
func describeFor(t testing.TB, h *httpapp.AppHandler, peer string, fields ...string) *util.Environ {
	t.Helper()
	var e *util.Environ
	h.App = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		e = r.Environ.Clone()
		return nil
	})
	r := httptest.NewRequest("GET", "/", nil)
	r.Host, r.RemoteAddr = "inner:8080", peer
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	return e
}

// client returns REMOTE_ADDR and REMOTE_PORT.
func client(e *util.Environ) string {
	port, ok := e.Lookup("REMOTE_PORT")
	if !ok {
		return e.Get("REMOTE_ADDR")
	}
	return e.Get("REMOTE_ADDR") + " " + port
}

func TestForwardedClient(t *testing.T) {
	for _, tt := range []struct {
		name, peer, field, value, want string
	}{
		{"not trusted", "192.0.2.1:5", "X-Forwarded-For", "203.0.113.7", "192.0.2.1 5"},
		{"not trusted, standard", "192.0.2.1:5", "Forwarded", "for=203.0.113.7", "192.0.2.1 5"},
		{"unix, not trusted", "@", "X-Forwarded-For", "203.0.113.7", "unix:"},
		{"one", "10.0.0.1:5", "X-Forwarded-For", "203.0.113.7", "203.0.113.7"},
		{"with port", "10.0.0.1:5", "X-Forwarded-For", "203.0.113.7:99", "203.0.113.7 99"},
		{"IPv6", "10.0.0.1:5", "X-Forwarded-For", "2001:db8::1", "2001:db8::1"},
		{"IPv6 with port", "10.0.0.1:5", "X-Forwarded-For", "[2001:db8::1]:99", "2001:db8::1 99"},
		{"IPv6 in brackets", "10.0.0.1:5", "X-Forwarded-For", "[2001:db8::1]", "2001:db8::1"},
		{"IPv6 of a proxy", "[2001:db8:a::1]:5", "X-Forwarded-For", "203.0.113.7", "203.0.113.7"},
		{"mapped proxy", "[::ffff:10.0.0.1]:5", "X-Forwarded-For", "203.0.113.7", "203.0.113.7"},
		{"rightmost untrusted", "10.0.0.1:5", "X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.0.0.2", "203.0.113.7"},
		{"all trusted", "10.0.0.1:5", "X-Forwarded-For", "10.0.0.3, 10.0.0.2", "10.0.0.3"},
		{"malformed at the right", "10.0.0.1:5", "X-Forwarded-For", "203.0.113.7, x", "10.0.0.1 5"},
		{"malformed after a proxy", "10.0.0.1:5", "X-Forwarded-For", "203.0.113.7, x, 10.0.0.2", "10.0.0.2"},
		{"malformed beyond the client", "10.0.0.1:5", "X-Forwarded-For", "x, 203.0.113.7", "203.0.113.7"},
		{"unknown", "10.0.0.1:5", "X-Forwarded-For", "unknown", "10.0.0.1 5"},
		{"empty", "10.0.0.1:5", "X-Forwarded-For", "", "10.0.0.1 5"},

		{"standard", "10.0.0.1:5", "Forwarded", "for=203.0.113.7", "203.0.113.7"},
		{"standard, all its parts", "10.0.0.1:5", "Forwarded", `By=10.0.0.1;FOR="203.0.113.7:99";host=a;proto=http`, "203.0.113.7 99"},
		{"standard IPv6", "10.0.0.1:5", "Forwarded", `for="[2001:db8::1]"`, "2001:db8::1"},
		{"standard IPv6 with port", "10.0.0.1:5", "Forwarded", `for="[2001:db8::1]:99"`, "2001:db8::1 99"},
		{"standard, escapes", "10.0.0.1:5", "Forwarded", `for="203\.0.113.7";secret="a\",b;c\\"`, "203.0.113.7"},
		{"standard, hidden port", "10.0.0.1:5", "Forwarded", `for="203.0.113.7:_x"`, "203.0.113.7"},
		{"standard, rightmost untrusted", "10.0.0.1:5", "Forwarded", "for=6.6.6.6, for=203.0.113.7, for=10.0.0.2", "203.0.113.7"},
		{"standard, all trusted", "10.0.0.1:5", "Forwarded", "for=10.0.0.3,for=10.0.0.2", "10.0.0.3"},
		{"standard, empty elements", "10.0.0.1:5", "Forwarded", ", for=203.0.113.7, ,for=10.0.0.2,", "203.0.113.7"},
		{"standard, hidden client", "10.0.0.1:5", "Forwarded", "for=203.0.113.7, for=_secret, for=10.0.0.2", "10.0.0.2"},
		{"standard, unknown", "10.0.0.1:5", "Forwarded", "for=unknown", "10.0.0.1 5"},
		{"standard, no client", "10.0.0.1:5", "Forwarded", "for=203.0.113.7, proto=http", "10.0.0.1 5"},
		{"standard, unclosed quote of a client", "10.0.0.1:5", "Forwarded", `for="6.6.6.6, for=203.0.113.7`, "203.0.113.7"},
		{"standard, quote of a client", "10.0.0.1:5", "Forwarded", `for=", for=203.0.113.7`, "203.0.113.7"},
		{"standard, backslash of a client", "10.0.0.1:5", "Forwarded", `for="\, for="203.0.113.7"`, "203.0.113.7"},
		{"standard, the same name twice", "10.0.0.1:5", "Forwarded", "for=203.0.113.7;for=203.0.113.8", "10.0.0.1 5"},
		{"standard, IPv6 without quotes", "10.0.0.1:5", "Forwarded", "for=[2001:db8::1]", "10.0.0.1 5"},
		{"standard, no value", "10.0.0.1:5", "Forwarded", "for=", "10.0.0.1 5"},
		{"standard, no name", "10.0.0.1:5", "Forwarded", "=203.0.113.7", "10.0.0.1 5"},
		{"standard, bytes after a quote", "10.0.0.1:5", "Forwarded", `for="203.0.113.7"x`, "10.0.0.1 5"},
		{"standard, semicolon at the end", "10.0.0.1:5", "Forwarded", `for=203.0.113.7;`, "10.0.0.1 5"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := &httpapp.AppHandler{TrustedProxies: trustedProxies}
			e := describeFor(t, h, tt.peer, tt.field, tt.value)
			if got := client(e); got != tt.want {
				t.Errorf("%s: %s from %s: got %s; want %s", tt.field, tt.value, tt.peer, got, tt.want)
			}
			variable := "HTTP_" + strings.ReplaceAll(strings.ToUpper(tt.field), "-", "_")
			if got := e.Get(variable); got != tt.value {
				t.Errorf("%s: got %q; want what was sent, %q", variable, got, tt.value)
			}
		})
	}
}

// TestForwardedLines: a list may have several lines, of which the last is the newest.
func TestForwardedLines(t *testing.T) {
	for _, field := range []struct{ name, prefix string }{{"X-Forwarded-For", ""}, {"Forwarded", "for="}} {
		h := &httpapp.AppHandler{TrustedProxies: trustedProxies}
		e := describeFor(t, h, "10.0.0.1:5",
			field.name, field.prefix+"6.6.6.6", field.name, field.prefix+"203.0.113.7", field.name, field.prefix+"10.0.0.2")
		if got := client(e); got != "203.0.113.7" {
			t.Errorf("%s: got %s; want 203.0.113.7", field.name, got)
		}
	}
}

func TestForwardedUnix(t *testing.T) {
	for _, peer := range []string{"@", "", "/run/client.sock"} {
		h := &httpapp.AppHandler{TrustUnix: true}
		if got := client(describeFor(t, h, peer, "X-Forwarded-For", "203.0.113.7")); got != "203.0.113.7" {
			t.Errorf("peer %q: got %s; want 203.0.113.7", peer, got)
		}
	}
	h := &httpapp.AppHandler{TrustUnix: true}
	if got := client(describeFor(t, h, "10.0.0.1:5", "X-Forwarded-For", "203.0.113.7")); got != "10.0.0.1 5" {
		t.Errorf("TCP peer: got %s; want its own address", got)
	}
}

// TestForwardedServer: the variables of the server are those of the first trusted proxy. The Host
// field is inner:8080.
func TestForwardedServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		want   string // REQUEST_SCHEME HTTPS SERVER_NAME SERVER_PORT
	}{
		{"nothing", nil, "http  inner 8080"},
		{"address only", []string{"X-Forwarded-For", "203.0.113.7"}, "http  inner 8080"},
		{"proto", []string{"X-Forwarded-Proto", "https"}, "https on inner 8080"},
		{"proto in capitals", []string{"X-Forwarded-Proto", "HTTPS"}, "https on inner 8080"},
		{"proto malformed", []string{"X-Forwarded-Proto", "wss"}, "http  inner 8080"},
		{"host", []string{"X-Forwarded-Host", "example.com"}, "http  example.com 80"},
		{"host and proto", []string{"X-Forwarded-Host", "example.com", "X-Forwarded-Proto", "https"}, "https on example.com 443"},
		{"host with port", []string{"X-Forwarded-Host", "example.com:8443", "X-Forwarded-Proto", "https"}, "https on example.com 8443"},
		{"host IPv6", []string{"X-Forwarded-Host", "[2001:db8::1]:81"}, "http  [2001:db8::1] 81"},
		{"host malformed", []string{"X-Forwarded-Host", "exa/mple"}, "http  inner 8080"},
		{"host without a name", []string{"X-Forwarded-Host", ":81"}, "http  inner 8080"},
		{"port", []string{"X-Forwarded-Port", "81"}, "http  inner 81"},
		{"port over that of the host", []string{"X-Forwarded-Host", "a:81", "X-Forwarded-Port", "82"}, "http  a 82"},
		{"port malformed", []string{"X-Forwarded-Port", "0"}, "http  inner 8080"},
		{"port too large", []string{"X-Forwarded-Port", "65536"}, "http  inner 8080"},
		{"lists, one proxy", []string{"X-Forwarded-For", "6.6.6.6, 203.0.113.7", "X-Forwarded-Proto", "https, http", "X-Forwarded-Host", "evil, a"}, "http  a 80"},
		{"lists, two proxies", []string{"X-Forwarded-For", "6.6.6.6, 203.0.113.7, 10.0.0.2", "X-Forwarded-Proto", "ftp, https, http", "X-Forwarded-Host", "evil, a, b"}, "https on a 443"},
		{"one value, two proxies", []string{"X-Forwarded-For", "203.0.113.7, 10.0.0.2", "X-Forwarded-Proto", "https"}, "https on inner 8080"},
		{"standard", []string{"Forwarded", `for=203.0.113.7;proto=https;host="example.com:8443"`}, "https on example.com 8443"},
		{"standard without an address", []string{"Forwarded", `for=unknown;proto=https;host=example.com`}, "https on example.com 443"},
		{"standard, two proxies", []string{"Forwarded", `proto=ftp;for=6.6.6.6, proto=https;for=203.0.113.7;host=a, for=10.0.0.2;proto=http;host=b`}, "https on a 443"},
		{"standard, malformed beyond", []string{"Forwarded", `for=;proto=http, proto=https;for=10.0.0.2;host=b`}, "https on b 443"},
		{"both: the older fields alone", []string{"Forwarded", "for=6.6.6.6;proto=https;host=evil", "X-Forwarded-For", "203.0.113.7"}, "http  inner 8080"},
		{"both: the standard alone", []string{"Forwarded", "for=203.0.113.7", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil", "X-Forwarded-Port", "1"}, "http  inner 8080"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for peer, want := range map[string]string{"10.0.0.1:5": tt.want, "192.0.2.1:5": "http  inner 8080"} {
				h := &httpapp.AppHandler{TrustedProxies: trustedProxies}
				e := describeFor(t, h, peer, tt.fields...)
				got := strings.Join([]string{e.Get("REQUEST_SCHEME"), e.Get("HTTPS"), e.Get("SERVER_NAME"), e.Get("SERVER_PORT")}, " ")
				if got != want {
					t.Errorf("from %s: got %q; want %q", peer, got, want)
				}
				if host := e.Get("HTTP_HOST"); host != "inner:8080" {
					t.Errorf("HTTP_HOST: got %q; want what was sent", host)
				}
			}
		})
	}
}

// TestForwardedIsTLS: a proxy that the client reached without TLS may itself use TLS.
func TestForwardedIsTLS(t *testing.T) {
	h := &httpapp.AppHandler{TrustedProxies: trustedProxies, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Headers().Set("Content-Type", "text/plain")
		_, err := w.Write([]byte(r.Scheme + r.Environ.Get("HTTPS")))
		return err
	})}
	r := httptest.NewRequest("GET", "https://inner/", nil)
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Set("X-Forwarded-Proto", "http")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Body.String() != "http" {
		t.Errorf("got %q; want http", w.Body)
	}
}

func TestForwardedIsLoggedOnce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		fields []string
		want   string
	}{
		{"address", []string{"X-Forwarded-For", "x"}, `field=X-Forwarded-For value=x peer=10.0.0.1:5`},
		{"long", []string{"X-Forwarded-For", strings.Repeat("x", 9999)}, strings.Repeat("x", 200) + "... "},
		{"proto", []string{"X-Forwarded-Proto", "x"}, "field=X-Forwarded-Proto"},
		{"host", []string{"X-Forwarded-Host", "\"x"}, "field=X-Forwarded-Host"},
		{"port", []string{"X-Forwarded-Port", "x"}, "field=X-Forwarded-Port"},
		{"standard", []string{"Forwarded", "x"}, "field=Forwarded"},
		{"both", []string{"Forwarded", "for=6.6.6.6", "X-Forwarded-For", "203.0.113.7"}, "sends both X-Forwarded-For and Forwarded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			log := new(nettest.Log)
			h := &httpapp.AppHandler{TrustedProxies: trustedProxies, ErrorLog: log.Logger()}
			for range 3 {
				describeFor(t, h, "10.0.0.1:5", tt.fields...)
				describeFor(t, h, "192.0.2.1:5", tt.fields...)
			}
			log.WantLines(t, tt.want, 1)
			log.WantLines(t, "level=", 1)
		})
	}
	log := new(nettest.Log)
	h := &httpapp.AppHandler{TrustedProxies: trustedProxies, ErrorLog: log.Logger()}
	describeFor(t, h, "10.0.0.1:5", "X-Forwarded-For", "unknown")
	describeFor(t, h, "10.0.0.1:5", "Forwarded", "for=unknown")
	describeFor(t, h, "10.0.0.1:5", "Forwarded", "for=_hidden")
	if s := log.String(); s != "" {
		t.Errorf("hidden clients: logged %s", s)
	}
}

// TestForwardedOfRefused: an access log shows the client of a refused request too.
func TestForwardedOfRefused(t *testing.T) {
	var got string
	h := &httpapp.AppHandler{
		TrustedProxies: trustedProxies, Mount: "/app",
		Refused: func(f *gateway.Refusal) { got = f.Request.Environ.Get("REMOTE_ADDR") },
	}
	r := httptest.NewRequest("GET", "/outside", nil)
	r.RemoteAddr = "10.0.0.1:5"
	r.Header.Set("X-Forwarded-For", "203.0.113.7")
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != http.StatusNotFound || got != "203.0.113.7" {
		t.Errorf("got %d of %q; want 404 of 203.0.113.7", w.Code, got)
	}
}

// TestDropRequestID: the ids of trusted proxies remain.
func TestDropRequestID(t *testing.T) {
	for _, tt := range []struct {
		peer string
		drop bool
		want string
	}{
		{"10.0.0.1:5", true, "a"}, {"@", true, "a"}, {"192.0.2.1:5", true, ""}, {"192.0.2.1:5", false, "a"},
	} {
		h := &httpapp.AppHandler{TrustedProxies: trustedProxies, TrustUnix: true, DropRequestID: tt.drop}
		e := describeFor(t, h, tt.peer, "X-Request-ID", "a", "X-Forwarded-For", "10.0.0.9")
		if got := e.Get("HTTP_X_REQUEST_ID"); got != tt.want {
			t.Errorf("from %s, drop %t: got %q; want %q", tt.peer, tt.drop, got, tt.want)
		}
	}
}

// FuzzForwarded checks that a client cannot change what a proxy appends to its fields: whatever the
// client sends, the address that the proxy names is the client's. Alone, what it sends must give a
// valid address or the peer's.
func FuzzForwarded(f *testing.F) {
	for _, junk := range []string{"", "6.6.6.6", `"`, `\`, `for="`, `for="\`, `for="6.6.6.6\"`, "10.0.0.2", "for=10.0.0.2", ",", "for=6.6.6.6;proto=https", "unknown", "[::1", "a=\"\\\\\""} {
		f.Add(junk, false)
		f.Add(junk, true)
	}
	f.Fuzz(func(t *testing.T, junk string, lines bool) {
		h := &httpapp.AppHandler{TrustedProxies: trustedProxies}
		for _, field := range [][2]string{{"X-Forwarded-For", "203.0.113.7"}, {"Forwarded", `for="203.0.113.7:99";host="a\",b"`}} {
			name, added := field[0], field[1]
			sent := []string{name, junk + ", " + added}
			if lines {
				sent = []string{name, junk, name, added}
			}
			if e := describeFor(t, h, "10.0.0.1:5", sent...); e.Get("REMOTE_ADDR") != "203.0.113.7" || e.Get("REQUEST_SCHEME") != "http" {
				t.Errorf("%s: %.300q gives %s over %s", name, sent, client(e), e.Get("REQUEST_SCHEME"))
			}
			alone := describeFor(t, h, "10.0.0.1:5", name, junk).Get("REMOTE_ADDR")
			if _, err := netip.ParseAddr(alone); err != nil {
				t.Errorf("%s: %.300q gives REMOTE_ADDR %.300q", name, junk, alone)
			}
		}
	})
}
