//go:build unix

package httpapp_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

const realipConfig = `daemon off;
worker_processes 1;
pid "DIR/pid";
error_log "DIR/error.log";
events {
}
http {
	access_log off;
	client_body_temp_path "DIR/body";
	proxy_temp_path "DIR/proxy";
	fastcgi_temp_path "DIR/fastcgi";
	scgi_temp_path "DIR/scgi";
	uwsgi_temp_path "DIR/uwsgi";
	server {
		listen unix:DIR/s;
		set_real_ip_from unix:;
		set_real_ip_from 10.0.0.0/8;
		set_real_ip_from 2001:db8:a::/48;
		real_ip_header X-Forwarded-For;
		real_ip_recursive on;
		return 200 "$remote_addr $remote_port";
	}
}
`

// startRealip starts nginx with its realip module, and returns a client for it. nginx inherits the
// socket, so that it accepts connections from the beginning.
func startRealip(t *testing.T) *http.Client {
	t.Helper()
	binary, dir := webserver.Find(t, "nginx"), webserver.Dir(t)
	config, socket := filepath.Join(dir, "nginx.conf"), filepath.Join(dir, "s")
	if err := os.WriteFile(config, []byte(strings.ReplaceAll(realipConfig, "DIR", dir)), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Net: "unix", Name: socket})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	file, err := l.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	c := exec.Command(binary, "-e", filepath.Join(dir, "error.log"), "-c", config)
	c.Env, c.ExtraFiles = append(os.Environ(), "NGINX=3;"), []*os.File{file}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		c.Process.Signal(syscall.SIGTERM)
		c.Wait()
	})
	return &http.Client{Transport: transport}
}

// realip returns what nginx takes for the client's address and port.
func realip(t *testing.T, c *http.Client, lines []string) string {
	t.Helper()
	r, err := http.NewRequest("GET", "http://inner/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["X-Forwarded-For"] = lines
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("nginx answers %s, %.200q, %v", resp.Status, body, err)
	}
	address, port, _ := strings.Cut(string(body), " ")
	if ip, err := netip.ParseAddr(address); err == nil {
		address = ip.Unmap().String() // REMOTE_ADDR has mapped addresses as IPv4
	}
	return strings.TrimSuffix(address+" "+port, " ")
}

// forwardedParts are elements of X-Forwarded-For.
var forwardedParts = []string{
	"10.0.0.2", "10.255.255.255", "10.0.0.3:99", "2001:db8:a::5", "[2001:db8:a::5]:99", "::ffff:10.0.0.4", // trusted
	"10.0.0.2", "10.0.0.9", "2001:db8:a:0::7", // so that lists are read far
	"203.0.113.7", "203.0.113.7:99", "203.0.113.7:00099", "2001:db8::1", "2001:DB8::1", "[2001:db8::1]:99", "::1", "::ffff:203.0.113.7", "0.0.0.0", "127.0.0.1",
	"x", "unknown", "_hidden", "203.0.113", "203.0.113.256", "203.0.113.7.1", "203.0.113.7:", "203.0.113.7:0", "203.0.113.7:65536", "203.0.113.7:x",
	"[2001:db8::1", "2001:db8::1]", "[]:99", "[203.0.113.7]:99x", "fe80::1%eth0", "\"203.0.113.7\"", "203.0.113.7;", "1:2:3", "-1.0.0.0", "203.0.113.7/32",
}

// TestForwardedIsRealip compares REMOTE_ADDR with nginx's, for each element alone and for lists of
// several.
func TestForwardedIsRealip(t *testing.T) {
	c := startRealip(t)
	h := &httpapp.AppHandler{TrustedProxies: trustedProxies, TrustUnix: true}
	ours := func(lines []string) string {
		var fields []string
		for _, line := range lines {
			fields = append(fields, "X-Forwarded-For", line)
		}
		return client(describeFor(t, h, "@", fields...))
	}
	for _, part := range forwardedParts {
		if got, want := ours([]string{part}), realip(t, c, []string{part}); got != want {
			t.Errorf("%q: got %s; want %s, as nginx", part, got, want)
		}
	}
	random := rand.New(rand.NewPCG(7239, 0))
	pick := func(list []string) string { return list[random.IntN(len(list))] }
	for range 600 {
		lines := make([]string, 1+random.IntN(3))
		for i := range lines {
			lines[i] = pick(forwardedParts)
			for range random.IntN(4) {
				lines[i] += pick([]string{", ", ",", " ", ",, ", " , "}) + pick(forwardedParts)
			}
		}
		if got, want := ours(lines), realip(t, c, lines); got != want {
			t.Errorf("%q: got %s; want %s, as nginx", lines, got, want)
		}
	}
	for _, tt := range []struct{ value, ours, nginx string }{
		{"[2001:db8::1]", "2001:db8::1", "unix:"},  // Azure and others send it
		{"203.0.113.010", "unix:", "203.0.113.10"}, // 8 or 10: programs differ
		{"[203.0.113.7]:99", "unix:", "203.0.113.7 99"},
	} {
		got := fmt.Sprint(ours([]string{tt.value}), ", nginx ", realip(t, c, []string{tt.value}))
		if want := fmt.Sprint(tt.ours, ", nginx ", tt.nginx); got != want {
			t.Errorf("%q, a known difference: got %s; want %s", tt.value, got, want)
		}
	}
}
