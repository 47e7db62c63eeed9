//go:build unix

package main

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
)

// front is a web server in front of serve.
type front struct {
	template, mount string
	stock           bool   // nginx's own parameters only
	flag            string // --mount
	buffered        bool   // nginx's own buffering
}

func (f front) name() string {
	name := f.template + f.mount
	if f.stock {
		name += " stock"
	}
	if f.flag != "" {
		name += " --mount " + f.flag
	}
	return name
}

// start starts the web server in front of serve with a target. It returns the URL of the mount.
func (f front) start(t *testing.T, target string, o targetOptions) string {
	t.Helper()
	o.mount = f.flag
	tg, err := openTarget(target, o, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tg.close() })
	var s server = &fastcgi.Server{App: tg.app, Mount: f.flag, ErrorLog: quiet}
	if strings.Contains(f.template, "-scgi") {
		s = &scgi.Server{App: tg.app, Mount: f.flag, ErrorLog: quiet}
	}
	backend, err := net.ResolveTCPAddr("tcp", serveOn(t, s))
	if err != nil {
		t.Fatal(err)
	}
	return webserver.Start(t, webserver.Config{Template: f.template, Mount: f.mount, Backend: backend, Stock: f.stock, OwnPaths: true, Buffered: f.buffered}).URL
}

// get returns the body, or the status of an error.
func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != 200 {
		return resp.Status[:3]
	}
	return string(body)
}

// showScript prints its SCRIPT_NAME and PATH_INFO.
const showScript = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s|%s' \"$SCRIPT_NAME\" \"$PATH_INFO\""

// makeFiles makes files in a new folder that all users may read, and returns its path.
func makeFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := webserver.Dir(t)
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		webserver.WriteProgram(t, path, text)
	}
	return dir
}

// TestFolderBehindServers serves a folder of scripts behind each server with its configuration in
// testdata/conf. --mount is set only where it is needed.
func TestFolderBehindServers(t *testing.T) {
	t.Parallel()
	dir := makeFiles(t, map[string]string{"x.sh": showScript, "sub/x.sh": showScript})
	var fronts []front
	for _, template := range []string{
		"nginx-fastcgi", "nginx-scgi", "apache2-fastcgi", "apache2-fastcgi-plain", "apache2-scgi", "lighttpd-fastcgi", "lighttpd-fastcgi-plain",
		"lighttpd-scgi", "lighttpd-scgi-plain", "haproxy-fastcgi",
	} {
		fronts = append(fronts, front{template: template}, front{template: template, mount: "/cgi"})
	}
	for _, template := range []string{"nginx-fastcgi", "nginx-scgi"} {
		fronts = append(fronts, front{template: template, stock: true}, front{template: template, stock: true, mount: "/cgi", flag: "/cgi"})
	}
	for _, f := range fronts {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			url := f.start(t, "cgi:"+dir, targetOptions{})
			for path, want := range map[string]string{
				"/x.sh": "/x.sh|", "/x.sh/a/b": "/x.sh|/a/b", "/sub/x.sh/a%20b": "/sub/x.sh|/a b", "/sub/.././/x.sh/": "/x.sh|/",
			} {
				if strings.HasPrefix(f.template, "haproxy") && strings.Contains(path, "..") {
					// HAProxy sends the path as the client did; serve does not change it
					want = "404"
				} else {
					want = f.mount + want
				}
				if got := get(t, url+path); got != want {
					t.Errorf("%s: got %.300q; want %q", path, got, want)
				}
			}
			for _, path := range []string{"/nothing.sh", "/nothing/x.sh.bak", "/sub"} {
				if got := get(t, url+path); got != "404" && got != "403" {
					t.Errorf("%s: got %.300q; want 404 or 403", path, got)
				}
			}
		})
	}
}

// TestScriptsBehindStockNginx checks that paths reach their scripts, and not all the front page,
// with the stock parameters of nginx.
func TestScriptsBehindStockNginx(t *testing.T) {
	t.Parallel()
	root := makeFiles(t, map[string]string{"index.sh": showScript, "sub/x.sh": showScript, "a.txt": "a file"})
	for _, f := range []front{
		{template: "nginx-scgi", stock: true}, {template: "nginx-fastcgi", stock: true},
		{template: "nginx-scgi", stock: true, mount: "/app", flag: "/app"}, {template: "nginx-fastcgi", stock: true, mount: "/app", flag: "/app"},
	} {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			url := f.start(t, "cgi:"+filepath.Join(root, "index.sh"), targetOptions{root: root, splitPath: []string{".sh"}})
			for path, want := range map[string]string{
				"/": f.mount + "/index.sh|", "/sub/x.sh/a": f.mount + "/sub/x.sh|/a", "/sub/..//sub/x.sh": f.mount + "/sub/x.sh|",
				"/a.txt": "a file", "/nothing": "404", "/sub/nothing.sh": "404",
			} {
				if got := get(t, url+path); got != want {
					t.Errorf("%s: got %.300q; want %q", path, got, want)
				}
			}
		})
	}
}

// TestPHPScriptAsTarget runs one script with php-cgi in its first line, over each protocol.
func TestPHPScriptAsTarget(t *testing.T) {
	t.Parallel()
	text := "#!" + webserver.Find(t, "php-cgi") + "\n" + `<?php echo $_SERVER["SCRIPT_NAME"], "|", $_SERVER["PATH_INFO"] ?? "", "|", $_GET["q"] ?? "";`
	dir := makeFiles(t, map[string]string{"app": text})
	for _, listener := range matrixListeners {
		tg, err := openTarget("cgi:"+filepath.Join(dir, "app"), targetOptions{}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		if got := get(t, listenBy(t, listener, tg.app)+"/a/b?q=1"); got != "|/a/b|1" {
			t.Errorf("%s: got %.300s; want |/a/b|1", listener, got)
		}
		tg.close()
	}
}
