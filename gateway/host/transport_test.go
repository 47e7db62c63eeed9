package host_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/host"
)

// patient returns a handler that reads the rest of the body after h. net/http reads 256 KiB and
// then closes the connection, and a client that still sends may lose the answer by the reset.
func patient(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		body := r.Body
		r.Body = io.NopCloser(body)
		h.ServeHTTP(w, r)
		http.NewResponseController(w).Flush()
		io.Copy(io.Discard, body)
		body.Close()
	})
}

// proxy returns a reverse proxy in front of b. It keeps the client's Host, which the suite checks.
func proxy(b gateway.Backend, mount string) http.Handler {
	return patient(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host = "http", "backend.invalid"
			r.Out.Host = r.In.Host
			r.Out.URL.RawQuery = r.In.URL.RawQuery
		},
		Transport: &host.Transport{Backend: b, Mount: mount, PassAuthorization: true, ErrorLog: quiet},
		ErrorLog:  log.New(io.Discard, "", 0),
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			status, text := gateway.ErrorPage(err)
			w.WriteHeader(int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0'))
			io.WriteString(w, text)
		},
	})
}

// TestTransportSuite runs the suite of all transports through httputil.ReverseProxy.
func TestTransportSuite(t *testing.T) {
	t.Parallel()
	for _, mount := range []string{"", "/app"} {
		t.Run("mount "+mount, func(t *testing.T) {
			t.Parallel()
			gatewaytest.Run(t, gatewaytest.Transport{Exclusions: normalForm, Start: func(t testing.TB, app gateway.App) string {
				s := httptest.NewServer(proxy(scgiBackend(t, app), mount))
				t.Cleanup(s.Close)
				return s.URL + mount
			}})
		})
	}
}

// closeNoted is a request body that reports its close.
type closeNoted struct {
	io.Reader
	closed chan struct{}
}

func (c *closeNoted) Close() error { close(c.closed); return nil }

// roundTrip sends a request without an HTTP server.
func roundTrip(t *testing.T, tr *host.Transport, method, target string, body io.Reader, length int64) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequest(method, "http://example.org:8080"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		noted := &closeNoted{body, make(chan struct{})}
		r.Body, r.ContentLength = noted, length
		defer func() { <-noted.closed }() // http.RoundTripper closes the body, perhaps later
	}
	resp, err := tr.RoundTrip(r)
	if err == nil {
		text, readErr := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body, err = io.NopCloser(strings.NewReader(string(text))), readErr
	}
	return resp, err
}

func TestTransport(t *testing.T) {
	b := &recorder{}
	tr := &host.Transport{Backend: b, Mount: "/app"}
	for _, c := range []struct {
		name, sent     string
		length         int64
		declared, body string
	}{
		{"known length", "abc", 3, "3", "abc"},
		{"unknown length", "abcdef", -1, "6", "abcdef"},
		{"a client's unknown length", "abcdef", 0, "6", "abcdef"},
		{"more than declared", "abcdef", 3, "3", "abc"},
		{"none", "", 0, "0", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := roundTrip(t, tr, "PUT", "/app/x%20y?q", strings.NewReader(c.sent), c.length)
			if err != nil || resp.StatusCode != 200 || resp.Status != "200 OK" || resp.ContentLength != -1 {
				t.Fatalf("got %+v, %v", resp, err)
			}
			if b.body != c.body || b.bodyErr != nil {
				t.Errorf("got the body %q, %v; want %q", b.body, b.bodyErr, c.body)
			}
			b.want(t, "CONTENT_LENGTH", c.declared, "SCRIPT_NAME", "/app", "PATH_INFO", "/x y", "QUERY_STRING", "q", "REQUEST_URI", "/app/x%20y?q",
				"HTTP_HOST", "example.org:8080", "SERVER_NAME", "example.org", "SERVER_PORT", "8080")
		})
	}
}

// TestTransportBareRequest: a request with empty fields works too.
func TestTransportBareRequest(t *testing.T) {
	b := &recorder{}
	body := &closeNoted{strings.NewReader("abc"), make(chan struct{})}
	r := &http.Request{
		URL: &url.URL{Scheme: "http", Host: "example.org", Path: "/x"},
		// ignored: ContentLength 0 with a Body means an unknown length
		Header: http.Header{"Content-Length": {"0"}},
		Body:   body,
	}
	resp, err := (&host.Transport{Backend: b}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	<-body.closed
	b.want(t, "HTTP_HOST", "example.org", "REQUEST_METHOD", "GET", "REQUEST_URI", "/x", "CONTENT_LENGTH", "3", "SERVER_PROTOCOL", "HTTP/1.1")
	if b.body != "abc" {
		t.Errorf("got the body %q", b.body)
	}
}

// TestTransportResponses: the fields, length and body of a response are consistent.
func TestTransportResponses(t *testing.T) {
	for _, c := range []struct {
		name, method, stdout string
		status               int
		length               int64
		body                 string
		reason               string // of the error, from RoundTrip or from reading the body
	}{
		{"declared", "GET", "Content-Type: a/b\nContent-Length: 2\n\nhi", 200, 2, "hi", ""},
		{"not declared", "GET", "Content-Type: a/b\n\nhi", 200, -1, "hi", ""},
		{"reason", "GET", "Status: 404 Gone Fishing\n\n", 404, -1, "", ""},
		{"HEAD", "HEAD", "Content-Type: a/b\nContent-Length: 2\n\nhi", 200, 2, "", ""},
		{"204", "GET", "Status: 204 None\nContent-Length: 2\n\nhi", 204, 0, "", ""},
		{"205", "GET", "Status: 205 Reset\nContent-Type: text/plain\nContent-Length: 2\n\nhi", 205, 0, "", ""},
		{"too short", "GET", "Content-Type: a/b\nContent-Length: 3\n\nhi", 200, 3, "hi", "shorter than it declared"},
		{"too long", "GET", "Content-Type: a/b\nContent-Length: 1\n\nhi", 200, 1, "h", ""},
		{"no head", "GET", "oops", 0, 0, "", "bad response head"},
		{"Transfer-Encoding", "GET", "Content-Type: a/b\nTransfer-Encoding: chunked\n\n", 0, 0, "", "bad response head"},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, err := roundTrip(t, &host.Transport{Backend: says(c.stdout)}, c.method, "/", nil, 0)
			b := (*gateway.BackendError)(nil)
			if c.reason == "" && err != nil || c.reason != "" && (!errors.As(err, &b) || !strings.Contains(b.Reason, c.reason)) {
				t.Fatalf("got %v; want %q", err, c.reason)
			}
			if resp == nil {
				return
			}
			body, _ := io.ReadAll(resp.Body)
			if got := resp.Header.Get("Content-Type"); c.name == "reason" && got != "text/plain" || c.name == "204" && got != "" {
				t.Errorf("got Content-Type %q", got)
			}
			if resp.StatusCode != c.status || resp.ContentLength != c.length || string(body) != c.body {
				t.Errorf("got %d, length %d, %q; want %d, %d, %q", resp.StatusCode, resp.ContentLength, body, c.status, c.length, c.body)
			}
		})
	}
}

// TestTransportConnectionOptions: fields of the backend's connection are not passed on.
func TestTransportConnectionOptions(t *testing.T) {
	b := says("Content-Type: a/b\nConnection: close, X-Hop\nX-Hop: 1\nX-Kept: 1\nContent-Length: 0\n\n")
	resp, err := roundTrip(t, &host.Transport{Backend: b}, "GET", "/", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Header.Get("X-Hop") != "" || resp.Header.Get("Connection") != "" || resp.Header.Get("X-Kept") != "1" {
		t.Errorf("got %v; want only X-Kept", resp.Header)
	}
	if a := get(t, handler(b), "/"); a.header.Get("X-Hop") != "" || a.header.Get("X-Kept") != "1" {
		t.Errorf("Handler: got %v; want only X-Kept", a.header)
	}
}

// TestTransportRefusals: refusals are responses, and failures of the backend are errors.
func TestTransportRefusals(t *testing.T) {
	root := site(t, "a.php", "dir/index.php", "style.css")
	tr := &host.Transport{Backend: says("Content-Type: a/b\n\nok"), Mount: "/site", Root: root, SplitPath: php, Index: []string{"index.php"}, MaxBodyBytes: 3}
	for target, want := range map[string]int{
		"/site/a.php": 200, "/site/missing.php": 404, "/site/style.css": 404, "/site/dir": 301, "/elsewhere": 404, "/site/a%2Fb.php": 404, "/../site/a.php": 400, "/x/..//site/./a.php": 200,
		"/site/%2e%2e/site/a.php": 200, "/site/../a.php": 400,
	} {
		resp, err := roundTrip(t, tr, "GET", target, nil, 0)
		if err != nil || resp.StatusCode != want {
			t.Errorf("%s: got %+v, %v; want %d", target, resp, err, want)
		}
		if want == 301 && resp.Header.Get("Location") != "/site/dir/" {
			t.Errorf("got Location %q", resp.Header.Get("Location"))
		}
	}
	for _, length := range []int64{4, -1} {
		resp, err := roundTrip(t, tr, "POST", "/site/a.php", strings.NewReader("abcd"), length)
		if err != nil || resp.StatusCode != 413 {
			t.Errorf("got %+v, %v; want 413", resp, err)
		}
	}
	if _, err := roundTrip(t, &host.Transport{}, "POST", "/", strings.NewReader("abcd"), 4); err == nil || !strings.Contains(err.Error(), "Backend: is nil") {
		t.Errorf("got %v; want what is wrong with the fields", err)
	}
}

// TestTransportFollows: a Transport follows local redirects, like a Handler.
func TestTransportFollows(t *testing.T) {
	resp, err := roundTrip(t, &host.Transport{Backend: redirector("/to")}, "POST", "/from", strings.NewReader("abc"), 3)
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(resp.Body); string(body) != "GET |/to||/to" {
		t.Errorf("got %q", body)
	}
}

// TestTransportBodyAfterClose: after the close, a backend cannot read the request body, which
// belongs to the server again.
func TestTransportBodyAfterClose(t *testing.T) {
	var stdin io.Reader
	tr := &host.Transport{Backend: backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		stdin = r.Stdin.(*io.LimitedReader).R
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	})}
	body := strings.NewReader("abc")
	if _, err := roundTrip(t, tr, "POST", "/", body, 3); err != nil {
		t.Fatal(err)
	}
	if n, err := stdin.Read(make([]byte, 1)); n != 0 || err != gateway.ErrFinished || body.Len() != 3 {
		t.Errorf("got %d, %v, and %d bytes left; want gateway.ErrFinished and 3", n, err, body.Len())
	}
}

// TestTransportContext: closing the response ends the exchange, and so does the request's context.
func TestTransportContext(t *testing.T) {
	ended := atomic.Int32{}
	tr := &host.Transport{Backend: backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		context.AfterFunc(r.Context(), func() { ended.Add(1) })
		return says("Content-Type: a/b\n\nok").RoundTrip(r)
	})}
	for range 2 {
		resp, err := tr.RoundTrip(&http.Request{Method: "GET", URL: &url.URL{Path: "/"}, Header: http.Header{}})
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	waitFor(t, func() bool { return ended.Load() == 2 })
}

// TestTransportBodyFails: a broken body is the client's fault through a proxy of net/http too.
func TestTransportBodyFails(t *testing.T) {
	reads := backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
		_, err := io.Copy(io.Discard, r.Stdin)
		return nil, err
	})
	for _, c := range []struct {
		err    error
		status int
	}{{io.ErrUnexpectedEOF, 400}, {errors.New("malformed chunked encoding"), 400}, {os.ErrDeadlineExceeded, 408}} {
		for _, length := range []int64{-1, 10} {
			body := io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(c.err))
			resp, err := roundTrip(t, &host.Transport{Backend: reads}, "POST", "/", body, length)
			if err != nil || resp.StatusCode != c.status {
				t.Errorf("%v of %d bytes: got %+v, %v; want %d", c.err, length, resp, err, c.status)
			}
		}
	}
}
