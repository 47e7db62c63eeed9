package captures

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/testdata/conf"
)

var update = flag.Bool("update", false, "write testdata/environ from the servers on this machine")

const dir = "../../../testdata/environ"

// deployment is a configuration and the captured requests.
type deployment struct {
	configuration string
	stock         bool
	// requests in addition to the two that every server gets; MOUNT is replaced by the mount point
	more []string
}

// target is divided by the mount point /app, and has characters that servers treat differently.
const target = "/app/a%2cb//c?x=1%20y"

var deployments = []deployment{
	{configuration: "nginx-fastcgi"},
	{configuration: "nginx-fastcgi", stock: true},
	{configuration: "nginx-scgi"},
	{configuration: "nginx-scgi", stock: true},
	{configuration: "lighttpd-fastcgi"},
	{configuration: "lighttpd-fastcgi-spawn"},
	{configuration: "lighttpd-fastcgi-plain", more: []string{"GET /app", "GET MOUNT/"}},
	{configuration: "lighttpd-scgi"},
	{configuration: "lighttpd-scgi-plain", more: []string{"GET /app", "GET MOUNT/"}},
	{configuration: "lighttpd-cgi"},
	{configuration: "apache2-cgi"},
	{configuration: "apache2-cgid"},
	{configuration: "apache2-cgi-redirect", more: []string{"GET MOUNT/private/x?y", "POST MOUNT/action/x?y"}},
	{configuration: "apache2-fastcgi"},
	{configuration: "apache2-fastcgi-plain", more: []string{"GET /app", "GET MOUNT/", "GET MOUNT/a%20b%252c%E3%81%82;c"}},
	{configuration: "apache2-fastcgi-spawn"},
	{configuration: "apache2-scgi"},
	{configuration: "haproxy-fastcgi"},
}

func (d deployment) name(mount string) string {
	name := d.configuration
	if d.stock {
		name += "-stock"
	}
	if mount != "" {
		name += "-mounted"
	}
	return name
}

func (d deployment) requests(mount string) []string {
	all := []string{"GET " + target, "POST " + target}
	for _, line := range d.more {
		all = append(all, strings.Replace(line, "MOUNT", mount, 1))
	}
	return all
}

// TestServersSendWhatWasCaptured starts every server in every deployment, at the root and at a
// mount point, and compares the variables that it sends with its file. With -update it writes the
// file if they differ.
func TestServersSendWhatWasCaptured(t *testing.T) { // C3, S15
	t.Parallel()
	for _, d := range deployments {
		for _, mount := range []string{"", "/app"} {
			t.Run(d.name(mount), func(t *testing.T) {
				t.Parallel()
				got := d.capture(t, mount)
				path := filepath.Join(dir, d.name(mount)+".txt")
				want, err := os.ReadFile(path)
				switch {
				case mask(got.String()) == mask(string(want)):
				case *update:
					if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
						t.Fatal(err)
					}
				default:
					report(t, got, string(want), err)
				}
			})
		}
	}
}

// report reports a server whose variables differ from its file. If its version differs from that of
// the file, the test fails only if the server is required.
func report(t *testing.T, got *Capture, want string, err error) {
	t.Helper()
	server := conf.Server(got.Configuration)
	fail := t.Errorf
	if !strings.Contains(want, "server: "+got.Server+"\n") && !slices.Contains(strings.Split(os.Getenv("CGIKIT_REQUIRE"), ","), server) {
		fail = t.Skipf
	}
	fail("%s sends something else than the file has (error: %v); if that is right, run the test with -update\ngot\n%s\nwant\n%s",
		got.Server, err, mask(got.String()), mask(want))
}

// TestNoOtherFiles: every file is written by a deployment. Another one was written by hand, or by a
// removed deployment.
func TestNoOtherFiles(t *testing.T) {
	written := map[string]deployment{}
	for _, d := range deployments {
		written[d.name("")], written[d.name("/app")] = d, d
	}
	for _, c := range Load(t, dir) {
		d, ok := written[c.Name]
		if !ok || c.Configuration != d.configuration || c.Stock != d.stock || c.Name != d.name(c.Mount) {
			t.Errorf("%s.txt belongs to no deployment", c.Name)
		}
		for i, line := range d.requests(c.Mount) {
			if i >= len(c.Requests) || c.Requests[i].Line != line {
				t.Errorf("%s.txt: request %d is not %q", c.Name, i, line)
			}
		}
		delete(written, c.Name)
	}
	for name := range written {
		t.Errorf("%s.txt is missing: run with -update", name)
	}
}

// capture runs the server and sends it the requests.
func (d deployment) capture(t *testing.T, mount string) *Capture {
	t.Helper()
	s := webserver.Start(t, d.config(t, mount))
	c := &Capture{Server: s.Version, Configuration: d.configuration, Mount: mount, Stock: d.stock}
	for _, line := range d.requests(mount) {
		r, err := parseRequest("request: " + line + "\n" + strings.TrimSuffix(exchange(t, s.Addr, line), "\n"))
		if err != nil {
			t.Fatal(err)
		}
		c.Requests = append(c.Requests, r)
	}
	return c
}

// config configures the server to call the application or to start it.
func (d deployment) config(t *testing.T, mount string) webserver.Config {
	t.Helper()
	c := webserver.Config{Template: d.configuration, Mount: mount, Stock: d.stock, Buffered: true}
	parts := strings.Split(d.configuration, "-")
	switch protocol := parts[1]; {
	case protocol == "cgi" || protocol == "cgid":
		c.Program, c.Env = program(t, "cgi")
	case slices.Contains(parts, "spawn"):
		needFcgid(t, d.configuration)
		c.Program, c.Env = program(t, "fastcgi")
	case protocol == "scgi":
		c.Backend = listen(t, echo.SCGI)
	default:
		c.Backend = listen(t, echo.FastCGI)
	}
	return c
}

func program(t *testing.T, as string) (path string, env map[string]string) {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return path, map[string]string{serveAs: as, "GORACE": "atexit_sleep_ms=0"}
}

// needFcgid skips the test if Apache was installed without the module.
func needFcgid(t *testing.T, configuration string) {
	t.Helper()
	places, _ := filepath.Glob("/usr/l*/*/modules/mod_fcgid.so") // the pattern is right
	if strings.HasPrefix(configuration, "apache2") && len(places) == 0 && !strings.Contains(os.Getenv("CGIKIT_REQUIRE"), "apache2") {
		t.Skip("Apache's mod_fcgid is not to be had")
	}
}

// fields are in every request. The field Proxy must not become HTTP_PROXY (httpoxy).
const fields = "User-Agent: cgikit\r\nAccept: */*\r\nAuthorization: Basic YWRtaW46c2VjcmV0\r\nCookie: a=1; b=2\r\nX-Repeated: one\r\n" +
	"X-Repeated: two\r\nProxy: http://proxy.invalid\r\nConnection: close\r\n"

const form = "name=value"

// exchange sends a request and returns the body of the answer. It writes the request itself, so
// that no field is added.
func exchange(t *testing.T, addr, line string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(conn, "%s HTTP/1.1\r\nHost: %s\r\n%s", line, addr, fields)
	if strings.HasPrefix(line, "POST ") {
		fmt.Fprintf(conn, "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form)
	} else {
		io.WriteString(conn, "\r\n")
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.Header.Get("Content-Type") != "text/plain" {
		t.Fatalf("%s: got %s, %.500q, %v; want the application's answer", line, resp.Status, body, err)
	}
	return string(body)
}
