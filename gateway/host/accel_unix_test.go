//go:build unix

package host_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/scgi"
)

// inFront starts a real web server in front of a Handler of this module.
func inFront(t *testing.T, template, offload string, b gateway.Backend) (url string) {
	t.Helper()
	// which cannot know otherwise
	h := &host.Handler{Backend: b, ErrorLog: quiet, PassAccel: strings.HasSuffix(template, "-http")}
	var addr string
	switch {
	case strings.HasSuffix(template, "-fastcgi"):
		s := &fastcgi.Server{App: h, ErrorLog: quiet}
		addr = serveOn(t, s.Serve, s.Close)
	case strings.HasSuffix(template, "-scgi"):
		s := &scgi.Server{App: h, ErrorLog: quiet}
		addr = serveOn(t, s.Serve, s.Close)
	default:
		s := &httpapp.Server{App: h, ErrorLog: quiet}
		addr = serveOn(t, s.Serve, s.Close)
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return webserver.Start(t, webserver.Config{Template: template, Backend: tcp, Offload: offload, Buffered: true}).URL
}

// TestOffloadInFront: the web server in front sends the file that the Handler's application names.
func TestOffloadInFront(t *testing.T) {
	dir := webserver.Dir(t)
	if err := os.WriteFile(filepath.Join(dir, "a.txt"), []byte("the file"), 0o644); err != nil {
		t.Fatal(err)
	}
	for template, field := range map[string]string{
		"nginx-fastcgi":    "X-Accel-Redirect: /protected/a.txt",
		"nginx-scgi":       "X-Accel-Redirect: /protected/a.txt",
		"nginx-http":       "X-Accel-Redirect: /protected/a.txt",
		"lighttpd-fastcgi": "X-Sendfile: " + filepath.Join(dir, "a.txt"),
		"lighttpd-scgi":    "X-Sendfile: " + filepath.Join(dir, "a.txt"),
	} {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			backends := make(map[string]gateway.Backend) // by the query
			for kind, answer := range map[string]string{
				"with-a-body":                 "Status: 200 OK\nContent-Type: text/plain\n" + field + "\n\nnot this",
				"with-the-length-of-the-file": "Content-Type: text/plain\nContent-Length: 8\n" + field + "\n\n",
				"and-nothing-else":            field + "\n\n",
			} {
				for _, b := range rawBackends(t, answer) {
					backends[b.name+"-"+kind] = b
				}
			}
			url := inFront(t, template, dir, backendFunc(func(r *gateway.Request) (*gateway.Response, error) {
				return backends[r.Environ.Get("QUERY_STRING")].RoundTrip(r)
			}))
			for name := range backends {
				t.Run(name, func(t *testing.T) {
					a := getURL(t, url+"/x?"+name)
					if a.want(t, 200, "the file"); a.header.Get("X-Accel-Redirect")+a.header.Get("X-Sendfile") != "" {
						t.Errorf("got %v", a.header)
					}
				})
			}
		})
	}
}

// TestEventsThroughNginx: with X-Accel-Buffering: no, nginx passes each event on at once.
func TestEventsThroughNginx(t *testing.T) {
	for _, template := range []string{"nginx-fastcgi", "nginx-scgi", "nginx-http"} {
		t.Run(template, func(t *testing.T) {
			events := make(chan string)
			b := gateway.Local(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
				w.Headers().Set("Content-Type", "text/event-stream")
				w.Headers().Set("X-Accel-Buffering", "no")
				for event := range events {
					io.WriteString(w, event)
					if err := w.Flush(); err != nil {
						return err
					}
				}
				return nil
			}))
			url := inFront(t, template, "", b)
			go func() { events <- "data: first\n" }()
			client := &http.Client{Timeout: 20 * time.Second}
			resp, err := client.Get(url + "/")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			in := bufio.NewReader(resp.Body)
			// each is made when the one before has arrived
			for _, want := range []string{"data: first\n", "data: second\n", "data: third\n"} {
				if want != "data: first\n" {
					events <- want
				}
				if got, err := in.ReadString('\n'); got != want || err != nil {
					t.Errorf("got %q, %v; want %q", got, err, want)
				}
			}
			close(events)
		})
	}
}
