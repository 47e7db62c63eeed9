//go:build unix

package cgi_test

import (
	"cmp"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// The client must see the same response from Script and from the web servers that run scripts.

// asWebServer returns the address at which one web server runs a script.
var asWebServer = map[string]func(t *testing.T, script string) string{
	"Script": func(t *testing.T, script string) string {
		s := &cgi.Script{Path: script, Stderr: io.Discard}
		t.Cleanup(func() { s.Close() })
		return serveHTTP(t, gateway.Forward(s))
	},
	"fcgiwrap":     byFcgiwrap,
	"apache2-cgi":  behindTemplate("apache2-cgi"),
	"apache2-cgid": behindTemplate("apache2-cgid"),
	"lighttpd-cgi": behindTemplate("lighttpd-cgi"),
}

func behindTemplate(template string) func(t *testing.T, script string) string {
	return func(t *testing.T, script string) string {
		return webserver.Start(t, webserver.Config{Template: template, Mount: "/app", Program: script}).URL
	}
}

// byFcgiwrap runs the script by fcgiwrap, and calls that with our FastCGI client.
func byFcgiwrap(t *testing.T, script string) string {
	c := startFcgiwrap(t)
	return serveHTTP(t, gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		r.Environ.Set("SCRIPT_FILENAME", script)
		return gateway.Forward(c).ServeGateway(w, r)
	}))
}

// startFcgiwrap runs fcgiwrap until the test ends and returns a client of it.
func startFcgiwrap(t *testing.T) *fastcgi.Client {
	t.Helper()
	wrap := webserver.Find(t, "fcgiwrap")
	socket := filepath.Join(webserver.Dir(t), "s")
	cmd := exec.Command(wrap, "-s", "unix:"+socket)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	waitFor(t, func() bool {
		nc, err := net.Dial("unix", socket)
		if err == nil {
			nc.Close()
		}
		return err == nil
	})
	c := &fastcgi.Client{Addr: "unix:" + socket}
	t.Cleanup(func() { c.Close() })
	return c
}

func serveHTTP(t *testing.T, app gateway.App) string {
	quiet := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		r.Stderr = io.Discard
		return app.ServeGateway(w, r)
	})
	s := httptest.NewServer(&httpapp.AppHandler{App: quiet, Mount: "/app"})
	t.Cleanup(s.Close)
	return s.URL + "/app"
}

// seen is what a client sees of a response.
type seen struct {
	status int
	body   string
	whole  bool
}

func ask(t *testing.T, method, url string) seen {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		return seen{}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return seen{resp.StatusCode, string(body), err == nil}
}

// TestExitStatusOnWebServers: a response that is there is delivered, whatever the exit status.
func TestExitStatusOnWebServers(t *testing.T) {
	t.Parallel()
	const head = `printf 'Content-Type: text/plain\r\n\r\n'; `
	for _, test := range []struct {
		name, file, text, method string
		want                     seen
		except                   string // web servers that the case is not for
	}{
		{name: "grep without a hit", text: head + `echo body; echo none | grep some`, want: seen{200, "body\n", true}},
		{name: "own error page", text: `printf 'Status: 500 Oops\r\nContent-Type: text/plain\r\n\r\nsorry'; exit 1`, want: seen{500, "sorry", true}},
		{name: "255", text: head + `echo body; exit 255`, want: seen{200, "body\n", true}},
		{name: "100 KB", text: head + `head -c 100000 /dev/zero; exit 3`, want: seen{200, strings.Repeat("\x00", 100000), true}},
		{name: "Content-Length", text: `printf 'Content-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody'; exit 3`, want: seen{200, "body", true}},
		{name: "HEAD", text: head + `exit 3`, method: "HEAD", want: seen{200, "", true}},
		{name: "redirect", text: `printf 'Location: http://elsewhere.example/\r\n\r\n'; exit 3`, want: seen{302, "", true}},
		{name: "nph", file: "nph-script", text: `printf 'HTTP/1.1 201 Made\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nbody'; exit 3`,
			want: seen{201, "body", true}, except: "fcgiwrap"},
		{name: "nph in chunks", file: "nph-script",
			text: `printf 'HTTP/1.1 201 Made\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n'; exit 3`,
			want: seen{201, "body", true}, except: "fcgiwrap"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			script := filepath.Join(webserver.Dir(t), cmp.Or(test.file, "script"))
			writeScript(t, script, "#!/bin/sh\n"+test.text+"\n", 0o755)
			for name, start := range asWebServer {
				if name == test.except {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					got := ask(t, cmp.Or(test.method, "GET"), start(t, script)+"/x")
					if test.name == "redirect" {
						got.body = "" // Apache has a text of its own
					}
					if got != test.want {
						t.Errorf("got %d, %.100q, whole %t; want %d, %.100q", got.status, got.body, got.whole, test.want.status, test.want.body)
					}
				})
			}
		})
	}
}

// TestEndBeforeScriptOnWebServers: the response ends with standard output, not with the script. The
// other streams are closed too: in mod_cgid standard input and output are one socket.
func TestEndBeforeScriptOnWebServers(t *testing.T) {
	t.Parallel()
	dir := webserver.Dir(t)
	script, gate := filepath.Join(dir, "script"), filepath.Join(dir, "gate")
	mustMkfifo(t, gate)
	if err := os.Chmod(gate, 0o666); err != nil {
		t.Fatal(err)
	}
	writeScript(t, script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\nbody'; exec </dev/null >&- 2>&-; read line <"+gate+"\n", 0o755)
	t.Cleanup(func() { // lets those scripts end that no web server has ended
		if f, err := os.OpenFile(gate, os.O_RDWR, 0); err == nil {
			f.Close()
		}
	})
	for name, start := range asWebServer {
		t.Run(name, func(t *testing.T) {
			if got := ask(t, "GET", start(t, script)+"/x"); got != (seen{200, "body", true}) {
				t.Errorf("got %d, %q, whole %t", got.status, got.body, got.whole)
			}
		})
	}
}
