package transport_test

import (
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// nginxExclusions are the rules that nginx breaks over uwsgi, whatever the application does.
var nginxExclusions = []gatewaytest.Exclusion{
	{Case: "repeated-fields", Reason: "nginx/1.22.1 sends a field that a client repeats as so many variables (joined since 1.23.0)"},
	{Case: "cookies", Reason: "nginx/1.22.1 sends a field that a client repeats as so many variables (joined since 1.23.0)"},
	{Case: "ipv6-host", Reason: "nginx/1.22.1: Debian 12's uwsgi_params set HTTP_HOST to $host, which has no port"},
	{Case: "full-duplex", Reason: "nginx/1.22.1 collects the body first (uwsgi_request_buffering, which bodies of unknown length need)"},
}

// TestUwsgiBehindNginx runs the suite on the transport of the Example, to show that a protocol
// built on this package needs no more code to keep every rule.
func TestUwsgiBehindNginx(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"tcp", "unix"} {
		for _, mount := range []string{"", "/app"} {
			t.Run(network+mount, func(t *testing.T) {
				t.Parallel()
				gatewaytest.Run(t, gatewaytest.Transport{
					Exclusions: nginxExclusions,
					Start: func(t testing.TB, app gateway.App) string {
						return webserver.Start(t, webserver.Config{
							Template: "nginx-uwsgi",
							Mount:    mount,
							Backend:  serveUwsgi(t, network, app),
						}).URL
					},
				})
			})
		}
	}
}

// serveUwsgi runs the Example's server until the test ends.
func serveUwsgi(t testing.TB, network string, app gateway.App) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(webserver.Dir(t), "app.sock")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o666); err != nil { // nginx's workers are another user
			t.Fatal(err)
		}
	}
	s := &uwsgiServer{App: app, Stderr: io.Discard}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-served; err != gateway.ErrServerClosed {
			t.Errorf("Serve: %v; want gateway.ErrServerClosed", err)
		}
	})
	return l.Addr()
}

// TestUwsgiMalformed: a block that ends early, or within a pair, gets no answer.
func TestUwsgiMalformed(t *testing.T) {
	addr := serveUwsgi(t, "tcp", gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error {
		t.Error("the App was called")
		return nil
	}))
	for _, request := range []string{"\x00\x05", "\x00\x05\x00\x00\x01\x00", "\x00\x01\x00\x00x", "\x00\x05\x00\x00\x09\x00PAT"} {
		c, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		c.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(c, request)
		c.(*net.TCPConn).CloseWrite()
		if answer, _ := io.ReadAll(c); len(answer) > 0 {
			t.Errorf("%q: got %q; want no answer", request, answer)
		}
		c.Close()
	}
}
