//go:build unix

package check

import (
	"io"
	"log/slog"
	"net"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
)

// TestWebServers runs the checks of --http on real web servers, configured by testdata/conf, in
// front of the echo application, and compares the results with those that are kept.
func TestWebServers(t *testing.T) {
	for _, template := range []string{"nginx-fastcgi", "nginx-scgi", "apache2-fastcgi", "apache2-scgi", "lighttpd-fastcgi", "lighttpd-scgi"} {
		t.Run(template, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			serveEcho(t, l, template)
			s := webserver.Start(t, webserver.Config{Template: template, Mount: "/app", Backend: l.Addr()})
			tg, mount, err := ParseURL(s.URL)
			if err != nil {
				t.Fatal(err)
			}
			r := &Run{Target: tg, Mount: mount, Timeout: slow}
			results, err := r.All(t.Context(), For("http"))
			if err != nil {
				t.Fatal(err)
			}
			known := readKept(t, template)
			for _, got := range results {
				if reason := known[got.ID]; (got.Verdict == Pass) != (reason == "") {
					t.Errorf("%s: got %s, %q; the file has %q", got.ID, got.Verdict, got.Reason, reason)
				}
			}
		})
	}
}

// serveEcho serves the echo application over the protocol that a template ends in.
func serveEcho(t *testing.T, l net.Listener, template string) {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	done := make(chan struct{})
	var server interface {
		Serve(net.Listener) error
		Close() error
	} = &fastcgi.Server{App: Echo(), ErrorLog: log}
	if template[len(template)-len("scgi"):] == "scgi" {
		server = &scgi.Server{App: gateway.AppFunc(quietEcho), ErrorLog: log}
	}
	go func() {
		defer close(done)
		server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Close()
		<-done
	})
}

// quietEcho is Echo without its error stream, which over SCGI is that of the test.
func quietEcho(w gateway.ResponseWriter, r *gateway.Request) error {
	r.Stderr = io.Discard
	return Echo().ServeGateway(w, r)
}
