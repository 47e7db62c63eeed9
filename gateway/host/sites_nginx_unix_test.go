//go:build unix

package host_test

import (
	"bytes"
	"compress/gzip"
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
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// nginxSite starts nginx for a folder, with these directives in its server block, and returns the
// path of its socket.
func nginxSite(t *testing.T, root, directives string) string {
	t.Helper()
	binary := webserver.Find(t, "nginx")
	dir := webserver.Dir(t)
	socket := filepath.Join(dir, "s")
	config := fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi; scgi_temp_path %[1]s/scgi;
	types { text/html html; text/css css; text/plain txt; }
	absolute_redirect off;
	server { listen unix:%[1]s/s; root %[2]s; %[3]s }
}
`, dir, root, directives)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(binary, "-c", file, "-p", dir, "-e", filepath.Join(dir, "error.log"))
	var output bytes.Buffer
	c.Stdout, c.Stderr = &output, &output
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for {
		if conn, err := net.Dial("unix", socket); err == nil {
			conn.Close()
			return socket
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("nginx ended: %v, %.500s", err, output.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// viaSocket sends a request to an HTTP server on a unix socket.
func viaSocket(t *testing.T, socket, method, target string, fields ...string) answer {
	t.Helper()
	r, err := http.NewRequest(method, "http://host"+target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		r.Header.Add(fields[i], fields[i+1])
	}
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	resp, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}

// socketOf serves h on a unix socket.
func socketOf(t *testing.T, h http.Handler) string {
	t.Helper()
	path := filepath.Join(webserver.Dir(t), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return path
}

// sharedSite is a site whose folder nginx's user may read.
func sharedSite(t *testing.T, names ...string) string {
	t.Helper()
	root := webserver.Dir(t)
	for _, name := range names {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// place is the part of an answer that a redirect or a page names: the path of a Location.
func (a answer) place() string {
	to := a.header.Get("Location")
	if to == "" {
		return ""
	}
	return to[strings.LastIndex(strings.TrimSuffix(to, "/"), "/")+1:]
}

// TestTryFilesAsNginx compares Files.Fallback with nginx's try_files, by status, body and the last
// segment of a Location.
func TestTryFilesAsNginx(t *testing.T) {
	t.Parallel()
	root := sharedSite(t, "index.html", "page.txt", "sub/index.html", "list/a.txt", "a b/index.html")
	nginx := nginxSite(t, root, "location / { try_files $uri $uri/ /index.html; }")
	ours := socketOf(t, httpapp.Handler(&host.Files{Root: root, Fallback: "/index.html", ErrorLog: quiet}))
	for _, target := range []string{
		"/", "/page.txt", "/page.txt?a=b", "/page.txt/", "/page.txt/more", "/nothing", "/nothing/", "/a/b/c?d=e", "/sub/", "/sub?x=y",
		"/sub/index.html", "/sub/nothing", "/a%20b/", "/a%20b", "/%70age.txt", "/a/../page.txt", "/a/%2e%2e/page.txt", "//page.txt",
		"/app/item%2fwith%2fslash",
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got, want := viaSocket(t, ours, method, target), viaSocket(t, nginx, method, target)
			if got.status != want.status || got.status == 200 && got.body != want.body || got.place() != want.place() {
				t.Errorf("%s %s: got %d %.60q %q; nginx answers %d %.60q %q", method, target,
					got.status, got.body, got.place(), want.status, want.body, want.place())
			}
		}
	}
	// On purpose, a folder without an index gives the Fallback, and a hidden name is a 404.
	for target, want := range map[string][2]int{"/list/": {200, 403}, "/.env": {404, 200}} {
		if got := viaSocket(t, ours, "GET", target).status; got != want[0] {
			t.Errorf("%s: got %d; want %d", target, got, want[0])
		}
		if got := viaSocket(t, nginx, "GET", target).status; got != want[1] {
			t.Errorf("%s: nginx answers %d; want %d", target, got, want[1])
		}
	}
}

// zip returns text as gzip does.
func zip(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestPrecompressedAsNginx compares Files.Precompressed with nginx's gzip_static.
func TestPrecompressedAsNginx(t *testing.T) {
	t.Parallel()
	root := sharedSite(t, "plain.txt", "style.css")
	packed := zip(t, "style.css")
	if err := os.WriteFile(filepath.Join(root, "style.css.gz"), []byte(packed), 0o644); err != nil {
		t.Fatal(err)
	}
	nginx := nginxSite(t, root, "gzip_static on; gzip_vary on; gzip_http_version 1.0; types { application/gzip gz; text/css css; text/plain txt; }")
	ours := socketOf(t, httpapp.Handler(&host.Files{Root: root, Precompressed: true, ErrorLog: quiet}))
	for _, c := range []struct {
		target string
		fields []string
	}{
		{"/style.css", nil},
		{"/style.css", []string{"Accept-Encoding", "gzip"}},
		{"/style.css", []string{"Accept-Encoding", "GZIP"}},
		{"/style.css", []string{"Accept-Encoding", "deflate, gzip;q=1.0"}},
		{"/style.css", []string{"Accept-Encoding", "gzip;q=0.5"}},
		{"/style.css", []string{"Accept-Encoding", "gzip;q=0"}},
		{"/style.css", []string{"Accept-Encoding", "gzip;q=0.000"}},
		{"/style.css", []string{"Accept-Encoding", "br"}},
		{"/style.css", []string{"Accept-Encoding", ""}},
		{"/style.css", []string{"Accept-Encoding", "gzipped"}},
		{"/style.css", []string{"Range", "bytes=1-3"}},
		{"/style.css", []string{"Accept-Encoding", "gzip", "Range", "bytes=1-3"}},
		{"/style.css.gz", []string{"Accept-Encoding", "gzip"}},
		{"/style.css.gz", nil},
		{"/plain.txt", []string{"Accept-Encoding", "gzip"}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			got, want := viaSocket(t, ours, method, c.target, c.fields...), viaSocket(t, nginx, method, c.target, c.fields...)
			if got.status != want.status || got.body != want.body {
				t.Errorf("%s %s %q: got %d %.60q; nginx answers %d %.60q", method, c.target, c.fields, got.status, got.body, want.status, want.body)
			}
			for _, name := range []string{"Content-Encoding", "Vary", "Content-Length", "Content-Range", "Last-Modified"} {
				if got, want := got.header.Get(name), want.header.Get(name); got != want {
					t.Errorf("%s %s %q: %s: got %q; nginx sends %q", method, c.target, c.fields, name, got, want)
				}
			}
		}
	}
}
