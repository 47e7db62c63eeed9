package server

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
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
