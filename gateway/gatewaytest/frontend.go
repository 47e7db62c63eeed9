package gatewaytest

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// FrontEnd puts backend behind an HTTP server on 127.0.0.1 until the test ends, mounted at mount
// ("" or "/app"), and returns the URL for a [Transport]'s Start. backend calls the gateway under
// test. A front end may also be a real web server: the tests of this module run the suite through
// nginx, lighttpd and Apache.
func FrontEnd(t testing.TB, backend gateway.Backend, mount string) string {
	t.Helper()
	return serveHTTP(t, gateway.Forward(backend), mount)
}

// HTTP returns a transport without a gateway protocol: net/http calls the App. Other transports are
// compared with it.
func HTTP(mount string) Transport {
	return Transport{Start: func(t testing.TB, app gateway.App) string { return serveHTTP(t, app, mount) }}
}

func serveHTTP(t testing.TB, app gateway.App, mount string) string {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	s := httptest.NewServer(&httpapp.AppHandler{App: app, Mount: mount, ErrorLog: quiet})
	t.Cleanup(s.Close)
	return s.URL + mount
}
