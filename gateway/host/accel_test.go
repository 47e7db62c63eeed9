package host_test

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// accelFields has the fields by which an application instructs its web server, one on each line.
const accelFields = "X-Accel-Redirect: /protected/a.txt\nX-Accel-Buffering: no\nX-Accel-Expires: 5\nX-Sendfile: /srv/a.txt\n" +
	"X-LIGHTTPD-send-file: /srv/a.txt\nX-Sendfile2: /srv/a.txt 0-\n"

// TestPassAccel: instructions to a web server reach a web server in front, and never a client.
func TestPassAccel(t *testing.T) {
	answer := "Content-Type: a/b\n" + accelFields + "X-CGI-Internal: 1\nX-Mine: 1\n\nbody"
	calls := map[string]func(app gateway.App) gateway.Backend{
		"fastcgi": func(app gateway.App) gateway.Backend {
			s := &fastcgi.Server{App: app, ErrorLog: quiet}
			c := &fastcgi.Client{Addr: serveOn(t, s.Serve, s.Close)}
			t.Cleanup(func() { c.Close() })
			return c
		},
		"scgi": func(app gateway.App) gateway.Backend {
			s := &scgi.Server{App: app, ErrorLog: quiet}
			return &scgi.Client{Addr: serveOn(t, s.Serve, s.Close)}
		},
	}
	for _, c := range []struct {
		name   string
		listen string // "" means HTTP
		set    func(h *host.Handler)
		passed bool
	}{
		{"http", "", func(*host.Handler) {}, false},
		{"http with PassAccel", "", func(h *host.Handler) { h.PassAccel = true }, true},
		{"fastcgi", "fastcgi", func(*host.Handler) {}, true},
		{"scgi", "scgi", func(*host.Handler) {}, true},
		{"fastcgi with Offload", "fastcgi", func(h *host.Handler) { h.Offload = map[string]string{"/protected": t.TempDir()} }, true},
	} {
		for _, inner := range []string{"as it is", "as an http.Handler"} {
			t.Run(c.name+" "+inner, func(t *testing.T) {
				log := new(logBuffer)
				h := &host.Handler{Backend: says(answer), ErrorLog: log.logger()}
				c.set(h)
				app := gateway.App(h)
				if inner == "as an http.Handler" {
					app = httpapp.New(h)
				}
				header := make(map[string]string)
				if c.listen == "" {
					for name, values := range get(t, httpapp.Handler(app), "/").header {
						header[name] = values[0]
					}
				} else {
					resp, err := calls[c.listen](app).RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{
						"REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "REQUEST_URI": "/", "SERVER_PROTOCOL": "HTTP/1.1",
					})})
					if err != nil {
						t.Fatal(err)
					}
					resp.Body.Close()
					for name, value := range resp.Headers.All() {
						header[name] = value
					}
				}
				for line := range strings.Lines(accelFields) {
					name, _, _ := strings.Cut(line, ":")
					got := header[name] + header["X-Lighttpd-Send-File"]
					if (got != "") != c.passed {
						t.Errorf("%s: got %q; want it passed: %v", name, got, c.passed)
					}
				}
				if header["X-CGI-Internal"]+header["X-Cgi-Internal"] != "" || header["X-Mine"] != "1" {
					t.Errorf("got %v; want X-Mine, and no X-CGI-Internal", header)
				}
				if n := strings.Count(log.String(), "has no effect"); (n == 1) == c.passed || n > 1 || strings.Contains(log.String(), "Buffering") {
					t.Errorf("got the log %q; want one line about what was removed", log)
				}
			})
		}
	}
}

// TestAccelRemovedOnce: an application that sends such a field each time causes one log line.
func TestAccelRemovedOnce(t *testing.T) {
	log := new(logBuffer)
	h := &host.Handler{Backend: says("Content-Type: a/b\n" + accelFields + "\nbody"), ErrorLog: log.logger()}
	for range 5 {
		get(t, h, "/").want(t, 200, "body")
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("got %d lines: %s", n, log)
	}
	tr := &host.Transport{Backend: h.Backend, ErrorLog: log.logger()}
	resp, err := roundTrip(t, tr, "GET", "/", nil, 0)
	if err != nil || resp.Header.Get("X-Accel-Redirect")+resp.Header.Get("X-Sendfile") != "" || strings.Count(log.String(), "\n") != 2 {
		t.Errorf("Transport: got %v, %v, log %s", resp, err, log)
	}
	tr = &host.Transport{Backend: h.Backend, PassAccel: true}
	if resp, err := roundTrip(t, tr, "GET", "/", nil, 0); err != nil || resp.Header.Get("X-Accel-Redirect") == "" {
		t.Errorf("Transport with PassAccel: got %v, %v", resp, err)
	}
}
