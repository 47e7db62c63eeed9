package gatewaytest_test

import (
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/gofastconn"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/scgi"
)

// serveAs runs the test binary as the application, when a web server or cgi.Script has started it.
const serveAs = "GATEWAYTEST_SERVE_AS"

// noRaceSleep keeps a CGI program that was built with -race from sleeping for a second before it
// exits.
var noRaceSleep = [2]string{"GORACE", "atexit_sleep_ms=0"}

func TestMain(m *testing.M) {
	var err error
	switch os.Getenv(serveAs) {
	case "":
		// They wait for servers most of the time. The flag -parallel still counts.
		flag.Set("test.parallel", "5")
		leaks.Quiet()
		os.Exit(leaks.Run(m))
	case "cgi":
		err = cgi.Serve(gatewaytest.App)
	default:
		err = serveStdin(newServer(os.Getenv(serveAs), ""))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveStdin runs s on the listening socket that is file descriptor 0.
func serveStdin(s server) error {
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		return err
	}
	return s.Serve(l)
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// server has the methods that all servers of this module have.
type server interface {
	Serve(net.Listener) error
	Close() error
}

// newServer returns a server for the suite's App: of SCGI, or of FastCGI by either engine.
func newServer(kind, mount string) server {
	switch kind {
	case "scgi":
		return &scgi.Server{App: gatewaytest.App, ErrorLog: quiet, Mount: mount}
	case "nethttp":
		return &nethttp.Server{App: gatewaytest.App, ErrorLog: quiet, Mount: mount}
	case "fastcgi":
		return &fastcgi.Server{App: gatewaytest.App, ErrorLog: quiet, Mount: mount}
	}
	panic("no server " + kind)
}

// serve runs s on a listener of network until the test ends.
func serve(t testing.TB, s server, network, dir string) net.Addr {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(dir, "app.sock")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o666); err != nil { // a web server's workers are other users
			t.Fatal(err)
		}
	}
	done := make(chan error)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != gateway.ErrServerClosed {
			t.Errorf("Serve returned %v; want gateway.ErrServerClosed", err)
		}
	})
	return l.Addr()
}

// address writes a net.Addr in the grammar of package listen.
func address(a net.Addr) string {
	if a.Network() == "unix" {
		return "unix:" + a.String()
	}
	return a.String()
}

// fastcgiClient keeps its connections until the test ends.
func fastcgiClient(t testing.TB, a net.Addr) gateway.Backend {
	c := &fastcgi.Client{Addr: address(a), MaxIdleConns: 16}
	t.Cleanup(func() { c.Close() })
	return c
}

// TestDirect runs the suite through each transport without a web server: a client of this module
// calls it.
func TestDirect(t *testing.T) {
	t.Parallel()
	backends := []struct {
		name string
		open func(t testing.TB) gateway.Backend
	}{
		{"scgi over tcp", func(t testing.TB) gateway.Backend {
			return &scgi.Client{Addr: address(serve(t, newServer("scgi", ""), "tcp", ""))}
		}},
		{"scgi over unix", func(t testing.TB) gateway.Backend {
			return &scgi.Client{Addr: address(serve(t, newServer("scgi", ""), "unix", t.TempDir()))}
		}},
		{"gofastconn over tcp", func(t testing.TB) gateway.Backend {
			return &gofastconn.Client{Pool: &fastcgi.Client{Addr: address(serve(t, newServer("fastcgi", ""), "tcp", ""))}}
		}},
		{"gofastconn over unix, nethttp", func(t testing.TB) gateway.Backend {
			return &gofastconn.Client{Pool: &fastcgi.Client{Addr: address(serve(t, newServer("nethttp", ""), "unix", t.TempDir()))}}
		}},
		{"fastcgi.Client over tcp, nethttp", func(t testing.TB) gateway.Backend {
			return fastcgiClient(t, serve(t, newServer("nethttp", ""), "tcp", ""))
		}},
		{"fastcgi.Client, multiplexing, nethttp", func(t testing.TB) gateway.Backend {
			c := &fastcgi.Client{Addr: address(serve(t, newServer("nethttp", ""), "tcp", "")), Multiplex: true}
			t.Cleanup(func() { c.Close() })
			return c
		}},
		{"fastcgi.Client, multiplexing", func(t testing.TB) gateway.Backend {
			c := &fastcgi.Client{Addr: address(serve(t, newServer("fastcgi", ""), "tcp", "")), Multiplex: true}
			t.Cleanup(func() { c.Close() })
			return c
		}},
		{"fastcgi.Client over unix", func(t testing.TB) gateway.Backend {
			return fastcgiClient(t, serve(t, newServer("fastcgi", ""), "unix", t.TempDir()))
		}},
		{"cgi", func(t testing.TB) gateway.Backend {
			self, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			return &cgi.Script{Path: self, Env: []string{serveAs + "=cgi", noRaceSleep[0] + "=" + noRaceSleep[1]}}
		}},
	}
	for _, mount := range []string{"", "/app"} {
		var plain gatewaytest.Answers
		t.Run("http"+mount, func(t *testing.T) {
			tr := gatewaytest.HTTP(mount)
			tr.Answers = &plain
			gatewaytest.Run(t, tr)
		})
		for _, b := range backends {
			t.Run(b.name+mount, func(t *testing.T) {
				t.Parallel()
				var answers gatewaytest.Answers
				gatewaytest.Run(t, gatewaytest.Transport{
					Answers:    &answers,
					Exclusions: directExclusions[b.name],
					Start: func(t testing.TB, _ gateway.App) string {
						return gatewaytest.FrontEnd(t, b.open(t), mount)
					},
				})
				plain.Compare(t, &answers, directExclusions[b.name]...)
			})
		}
	}
}

// directExclusions are the cases that these clients cannot pass. With CGI and SCGI, gateway/host
// finds the length of a body first.
var directExclusions = map[string][]gatewaytest.Exclusion{
	"scgi over tcp":                         {lengthFirst},
	"scgi over unix":                        {lengthFirst},
	"gofastconn over tcp":                   {wholeRecords},
	"gofastconn over unix, nethttp":         {wholeRecords},
	"cgi":                                   {lengthFirst, spooled},
	"fastcgi.Client, multiplexing, nethttp": {unreadBody},
}

var lengthFirst = gatewaytest.Exclusion{
	Case:   "unknown-length",
	Reason: "CGI and SCGI put CONTENT_LENGTH before the body (RFC 3875 section 4.1.2, SCGI section 4): the client answers 411 Length Required",
}

var unreadBody = gatewaytest.Exclusion{
	Case: "concurrent",
	Reason: "net/http/fcgi of Go 1.26 stops reading a connection while an App does not read a record of its body, so that no other request of " +
		"the connection begins",
}

var wholeRecords = gatewaytest.Exclusion{
	Case:   "full-duplex",
	Reason: "gofast v0.8.0: no STDIN record while half of the body is sent: it fills a record, or reads to the end of the body, before it sends",
}

var spooled = gatewaytest.Exclusion{
	Case:   "full-duplex",
	Reason: "package cgi reads the body to its end before its first output, because Apache sends all of it before it reads the response",
}
