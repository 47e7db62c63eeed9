package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// proxied is a process of serve, each of whose listeners has proxy=1.
type proxied struct {
	addresses map[string]string // of HAProxy's server lines, by name
	stderr    io.Reader
}

// startProxied starts serve with a script that prints the client's address.
func startProxied(t *testing.T, flags ...string) *proxied {
	t.Helper()
	dir := webserver.Dir(t)
	script, socket := filepath.Join(dir, "peer"), filepath.Join(dir, "s")
	webserver.WriteProgram(t, script, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s' \"$REMOTE_ADDR\" \"$REMOTE_PORT\"")
	program, err := exec.LookPath("cgikit")
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"http", "auto", "fastcgi", "scgi"}
	args := append([]string{"serve", "-l", "http+unix:" + socket + "?proxy=1"}, flags...)
	for _, name := range names {
		args = append(args, "-l", name+"://127.0.0.1:0?proxy=1")
	}
	c := exec.Command(program, append(args, "cgi:"+script)...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		io.Copy(io.Discard, stderr)
		if err := c.Wait(); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	p := &proxied{map[string]string{"unix": "unix@" + socket}, stderr}
	readUntil(t, stderr, "serving address=")
	for _, name := range names {
		_, address, _ := strings.Cut(readUntil(t, stderr, "serving address="), "://")
		p.addresses[name] = strings.TrimSuffix(address, "/")
	}
	return p
}

// startHAProxy starts HAProxy in front of each listener of p, with each version of the header. It
// returns its addresses. The checks of HAProxy have headers that announce no client.
func startHAProxy(t *testing.T, p *proxied) map[string]string {
	t.Helper()
	var names, sections []string
	for name, address := range p.addresses {
		for _, option := range []string{"send-proxy", "send-proxy-v2"} {
			names = append(names, name+" "+option)
			sections = append(sections, fmt.Sprintf("server app %s %s check inter 50ms", address, option))
		}
	}
	fronts := make(map[string]string)
	for i, address := range startListens(t, sections) {
		fronts[names[i]] = address
	}
	return fronts
}

// startListens starts HAProxy with a section "listen" for each text, and returns the addresses of
// the sections.
func startListens(t *testing.T, sections []string) (addresses []string) {
	t.Helper()
	binary := webserver.Find(t, "haproxy")
	var config strings.Builder
	config.WriteString("global\n\tlog stdout format raw local0 notice\ndefaults\n\tmode tcp\n\ttimeout connect 60s\n\ttimeout client 60s\n\ttimeout server 60s\n")
	var files []*os.File
	for i, section := range sections {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close() // HAProxy has a copy
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		fmt.Fprintf(&config, "listen section%d\n\tbind fd@%d\n\t%s\n", i, 3+i, section)
		files = append(files, file)
		addresses = append(addresses, l.Addr().String())
	}
	path := filepath.Join(t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(path, []byte(config.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary, "-db", "-f", path)
	c.ExtraFiles = files
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return addresses
}

// TestProxyProtocolOfHAProxy: the client has another address than HAProxy, which connects to serve.
func TestProxyProtocolOfHAProxy(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "haproxy")
	p := startProxied(t)
	for name, front := range startHAProxy(t, p) {
		t.Run(name, func(t *testing.T) {
			var got, want string
			switch kind, _, _ := strings.Cut(name, " "); kind {
			case "fastcgi":
				c := &fastcgi.Client{Addr: front}
				defer c.Close()
				got, want = fetchPeer(t, c), "192.0.2.1 80" // what the web server sent
			case "scgi":
				c := &scgi.Client{Addr: front}
				defer c.Close()
				got, want = fetchPeer(t, c), "192.0.2.1 80"
			default:
				got, want = getFrom(t, "127.0.0.9", "http://"+front)
			}
			if got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
	// neither a request nor a check of HAProxy may be logged
	resp, err := http.Get("http://" + p.addresses["http"])
	if err == nil {
		resp.Body.Close()
		t.Errorf("a request without a header: got %s; want a closed connection", resp.Status)
	}
	if got, want := readUntil(t, p.stderr, ""), "does not begin with a PROXY protocol header"; !strings.Contains(got, want) {
		t.Errorf("the first line of the log: %.999s; want %q", got, want)
	}
}

// getFrom requests url from the given address. It returns the answer, and the address with the
// port.
func getFrom(t *testing.T, address, url string) (body, local string) {
	t.Helper()
	d := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, to)
		if err == nil {
			local = strings.Replace(c.LocalAddr().String(), ":", " ", 1)
		}
		return c, err
	}}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text), local
}

// fetchPeer sends a request of a web server whose client is 192.0.2.1, port 80.
func fetchPeer(t *testing.T, b gateway.Backend) string {
	t.Helper()
	e := util.EnvironFromMap(map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "GET", "SCRIPT_NAME": "", "PATH_INFO": "/", "QUERY_STRING": "",
		"SERVER_NAME": "localhost", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "192.0.2.1", "REMOTE_PORT": "80",
	})
	resp, err := b.RoundTrip(&gateway.Request{Environ: e, Stdin: gateway.NoBody})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestForwardedOfHAProxy: HAProxy, whose address is trusted, appends its client to the field of the
// client. It announces itself in the PROXY protocol header, as the peer to trust.
func TestForwardedOfHAProxy(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "haproxy")
	p := startProxied(t, "--trust", "127.0.0.0/29")
	front := startListens(t, []string{"mode http\n\toption forwardfor\n\tserver app " + p.addresses["http"] + " send-proxy-v2"})[0]
	_, port, _ := strings.Cut(front, ":")
	relay := startListens(t, []string{"mode http\n\toption forwardfor\n\tserver app 127.0.0.1:" + port})[0]
	got, local := getFrom(t, "127.0.0.9", "http://"+relay)
	if want, _, _ := strings.Cut(local, " "); got != want+" " {
		t.Errorf("got %q; want the client's address and no port, %q", got, want+" ")
	}
}

// TestProxyProtocolOfCurl: curl announces its own address.
func TestProxyProtocolOfCurl(t *testing.T) {
	t.Parallel()
	curl := webserver.Find(t, "curl")
	p := startProxied(t)
	for _, name := range []string{"http", "auto"} {
		out, err := exec.Command(curl, "-sS", "--haproxy-protocol", "-w", "\n%{local_ip} %{local_port}", "http://"+p.addresses[name]).CombinedOutput()
		got, want, _ := strings.Cut(string(out), "\n")
		if err != nil || got != want || !strings.HasPrefix(got, "127.0.0.1 ") {
			t.Errorf("%s: got %.200q, %v; want %.200q, the address of curl", name, got, err, want)
		}
	}
}
