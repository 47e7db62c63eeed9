package fastcgi_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// The whole table of requests and servers is in package gatewaytest. Real peers are here for what
// is FastCGI's alone.

// peerClient keeps no connection: a web server's own connections are what counts.
var peerClient = &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}

// startPeer serves with s on an address that the workers of a web server, which run as another
// user, can reach.
func startPeer(t *testing.T, network string, s *fastcgi.Server) *server {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		address = filepath.Join(webserver.Dir(t), "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	if network == "unix" {
		if err := os.Chmod(address, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return startOn(t, l, s)
}

// readBody answers with what it was asked for, and with how much body came.
func readBody(w gateway.ResponseWriter, r *gateway.Request) error {
	n, err := io.Copy(io.Discard, r.Stdin)
	if err != nil {
		return err
	}
	w.Headers().Set("X-Length", fmt.Sprint(n))
	_, err = fmt.Fprintf(w, "%s|%s|%s", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"), r.Environ.Get("QUERY_STRING"))
	return err
}

// TestCgiFcgi is asked by the development kit's own client.
func TestCgiFcgi(t *testing.T) {
	binary := webserver.Find(t, "cgi-fcgi")
	bothEngines(t, func(t *testing.T) {
		srv := startPeer(t, "tcp", &fastcgi.Server{App: gateway.AppFunc(readBody)})
		cmd := exec.Command(binary, "-bind", "-connect", srv.addr.String())
		cmd.Env = []string{"REQUEST_METHOD=POST", "SERVER_PROTOCOL=HTTP/1.1", "CONTENT_LENGTH=4", "SCRIPT_NAME=/app", "PATH_INFO=/p", "QUERY_STRING=q"}
		cmd.Stdin = strings.NewReader("body")
		out, err := cmd.Output()
		if want := "Status: 200 OK\r\nX-Length: 4\r\nContent-Length: 9\r\n\r\n/app|/p|q"; sorted(string(out)) != sorted(want) || err != nil {
			t.Errorf("got %q, %v; want %q", out, err, want)
		}
	})
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
