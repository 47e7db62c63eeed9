package host_test

import (
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/scgi"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// server has the methods of every transport's server.
type server interface {
	Serve(net.Listener) error
	Close() error
}

// serve runs s until the test ends and returns its address.
func serve(t testing.TB, s server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		<-done
	})
	return l.Addr().String()
}

// scgiBackend starts an SCGI server for app and returns a client of it.
func scgiBackend(t testing.TB, app gateway.App) gateway.Backend {
	return &scgi.Client{Addr: serve(t, &scgi.Server{App: app, ErrorLog: quiet})}
}

// fastcgiBackend is scgiBackend over FastCGI.
func fastcgiBackend(t testing.TB, app gateway.App) gateway.Backend {
	c := &fastcgi.Client{Addr: serve(t, &fastcgi.Server{App: app, ErrorLog: quiet})}
	t.Cleanup(func() { c.Close() })
	return c
}

// normalForm lists the rules that a Handler breaks on purpose, since it normalises paths.
var normalForm = []gatewaytest.Exclusion{{
	Case: "repeated-slashes",
	Reason: "host.Handler: PATH_INFO=/foo/bar/baz for //foo///bar/baz: as in nginx, Apache and lighttpd a path has no empty segments, " +
		"so that one script has one path; REQUEST_URI has them",
}}

// TestSuite runs the suite of all transports with a Handler between HTTP and a backend in this
// process, over FastCGI, and over SCGI, which has no bodies of unknown length.
func TestSuite(t *testing.T) {
	t.Parallel()
	backends := map[string]func(t testing.TB, app gateway.App) gateway.Backend{
		"local":   func(t testing.TB, app gateway.App) gateway.Backend { return gateway.Local(app) },
		"scgi":    scgiBackend,
		"fastcgi": fastcgiBackend,
	}
	for name, open := range backends {
		for _, mount := range []string{"", "/app"} {
			t.Run(name+mount, func(t *testing.T) {
				t.Parallel()
				gatewaytest.Run(t, gatewaytest.Transport{Exclusions: normalForm, Start: func(t testing.TB, app gateway.App) string {
					h := &host.Handler{Backend: open(t, app), Mount: mount, PassAuthorization: true, ErrorLog: quiet}
					s := httptest.NewServer(h)
					t.Cleanup(s.Close)
					return s.URL + mount
				}})
			})
		}
	}
}
