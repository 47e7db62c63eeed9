package server

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/work"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/scgi"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

// serve runs a server of the table until the test ends, and returns its address.
func serve(t *testing.T, name string, args ...string) string {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- All()[name](l, args) }()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

// TestSmallResponse: all servers that the benchmarks compare give the same response.
func TestSmallResponse(t *testing.T) {
	over := map[string]func(addr string) gateway.Backend{
		"fastcgi": func(addr string) gateway.Backend { return &fastcgi.Client{Addr: "unix:" + addr} },
		"scgi":    func(addr string) gateway.Backend { return &scgi.Client{Addr: "unix:" + addr} },
	}
	for _, c := range []struct{ name, protocol string }{
		{"constant", "fastcgi"}, {"trivial", "fastcgi"}, {"server", "fastcgi"}, {"serverhttp", "fastcgi"}, {"backend", "fastcgi"},
		{"std", "fastcgi"}, {"stdhttp", "fastcgi"}, {"fcgi", "fastcgi"}, {"roles", "fastcgi"}, {"scgi", "scgi"}, {"scgifloor", "scgi"},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport := &host.Transport{Backend: over[c.protocol](serve(t, c.name))}
			fetch(t, transport, "http://localhost/app/hello?x=1")
		})
	}
}

// TestClient: the client sends requests for a time and returns their number, or the error.
func TestClient(t *testing.T) {
	for _, kind := range []string{"kept", "multiplex"} {
		for _, c := range []struct{ app, want string }{{"server", ""}, {"roles", ""}, {"patient", ""}, {"", `"`}} {
			addr := filepath.Join(t.TempDir(), "none")
			if c.app != "" {
				addr = serve(t, c.app)
			}
			conn, err := net.Dial("unix", serve(t, "client", addr, kind))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(conn, "3 30 1000000")
			line, err := bufio.NewReader(conn).ReadString('\n')
			if n, _ := strconv.Atoi(strings.TrimSpace(line)); err != nil || c.want == "" && n < 1 || !strings.HasPrefix(line, c.want) {
				t.Errorf("%s, %s: got %q, %v", kind, c.app, line, err)
			}
			conn.Close()
		}
	}
}

func fetch(t *testing.T, transport http.RoundTripper, url string) {
	t.Helper()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != work.Hello || resp.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("got %s, %v, %.200q, %v", resp.Status, resp.Header, body, err)
	}
}
