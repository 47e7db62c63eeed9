package host_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/testdata/conf"
)

// place answers with the variables of the path.
func place(w gateway.ResponseWriter, r *gateway.Request) error {
	_, err := fmt.Fprintf(w, "%s|%s", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"))
	return err
}

// sharedTargets are interpreted alike by nginx, Apache, lighttpd and a Handler.
var sharedTargets = []string{
	"/app", "/app/", "/app/a", "/app//a///b/", "//app/a", "/./app/a", "/app/./a", "/app/a/.", "/app/a/..", "/app/a/../b", "/x/../app/a",
	"/app/../app/b", "/app/%2e/a", "/app/a/%2e%2e/b", "/app/a/%2E%2E", "/%61pp/%61", "/app/a%20b", "/app/%252e%252e/a", `/app/a\..\b`,
	"/app/a;b/c", "/app/..a/...", "/app/a+b", "/app/a?x/../y", "/apple", "/other", "/app/../apple/../app/c?/..",
}

// otherTargets are interpreted differently. Each has the Handler's answer first, and the reason if
// all three servers have another one.
var otherTargets = []struct {
	target, handler, nginx, apache, lighttpd string
	reason                                   string
}{
	{"/app/a%0ab", "/app|/a\nb", "/app|/a\nb", "/app|/a\nb", "400", ""},
	{"/app/%ff", "/app|/\xff", "/app|/\xff", "/app|/\xff", "400", ""},
	{"/..", "400", "400", "400", "403", ""},
	{"/../app/a", "400", "400", "400", "/app|/a", ""},
	{"/app/../../x", "400", "400", "400", "404", ""},
	{"/app/a/%2e%2e/%2e%2e/%2e%2e/x", "400", "400", "400", "404", ""},
	{"/app/a%00b", "400", "400", "404", "400", ""},
	{"/app/%zz", "400", "400", "400", "/app|/%zz", ""},
	{"/app/a#b", "400", "/app|/a", "400", "/app|/a", ""},
	{"/app/a%2fb", "/app|/a/b", "/app|/a/b", "404", "/app|/a/b", ""},
	{"/app/a%2f..%2fb", "/app|/b", "/app|/b", "404", "/app|/b", ""},
	{"/app/../x", "400", "404", "404", "404", "what the path has below the mount leads above its beginning, which is a 400 wherever it begins"},
	{"/app%2fa", "404", "/app|/a", "404", "/app|/a", ""},
	{"/%2fapp/a", "404", "/app|/a", "404", "/app|/a", ""},
}

// TestPathsAsServers compares the Handler with the web servers' default interpretation of paths.
func TestPathsAsServers(t *testing.T) {
	h := httptest.NewServer(&host.Handler{Backend: gateway.Local(gateway.AppFunc(place)), Mount: "/app", ErrorLog: quiet})
	t.Cleanup(h.Close)
	handler := h.Listener.Addr().String()
	for _, c := range otherTargets {
		if got := askRaw(t, handler, c.target); got != c.handler {
			t.Errorf("%s: got %q; want %q", c.target, got, c.handler)
		}
		if c.reason == "" && c.handler != c.nginx && c.handler != c.apache && c.handler != c.lighttpd {
			t.Errorf("%s: no server answers %q, and no reason says why", c.target, c.handler)
		}
	}
	for _, template := range []string{"nginx-fastcgi", "nginx-scgi", "apache2-scgi", "apache2-cgid", "lighttpd-fastcgi", "lighttpd-cgi"} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			server := startInFront(t, template)
			for _, target := range sharedTargets {
				if got, want := askRaw(t, handler, target), askRaw(t, server.Addr, target); got != want {
					t.Errorf("%s: got %q; %s answers %q", target, got, server.Version, want)
				}
			}
			for _, c := range otherTargets {
				want := map[string]string{"nginx": c.nginx, "apache2": c.apache, "lighttpd": c.lighttpd}[conf.Server(template)]
				if got := askRaw(t, server.Addr, c.target); got != want {
					t.Errorf("%s: %s answers %q; the table has %q", c.target, server.Version, got, want)
				}
			}
		})
	}
}

// startInFront starts a web server with an application over the protocol of its template, or with a
// CGI program that does the same as place.
func startInFront(t *testing.T, template string) *webserver.Server {
	t.Helper()
	c := webserver.Config{Template: template, Mount: "/app", OwnPaths: true}
	var s server = &fastcgi.Server{App: gateway.AppFunc(place), ErrorLog: quiet}
	switch {
	case strings.Contains(template, "-cgi"):
		c.Program = filepath.Join(t.TempDir(), "place")
		text := "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s|%s' \"$SCRIPT_NAME\" \"$PATH_INFO\""
		webserver.WriteProgram(t, c.Program, text)
		return webserver.Start(t, c)
	case strings.Contains(template, "-scgi"):
		s = &scgi.Server{App: gateway.AppFunc(place), ErrorLog: quiet}
	}
	backend, err := net.ResolveTCPAddr("tcp", serve(t, s))
	if err != nil {
		t.Fatal(err)
	}
	c.Backend = backend
	return webserver.Start(t, c)
}

// askRaw sends the target unchanged. It returns the body, or the status of an error.
func askRaw(t *testing.T, addr, target string) string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", target)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		return resp.Status[:3]
	}
	return string(body)
}
