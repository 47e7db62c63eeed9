package webserver

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/testdata/conf"
)

// site is a folder with a script, a file, a hidden file, and a file that is no script.
var site = map[string]string{
	"index.php":     "<?php echo 'index of ', $_SERVER['SCRIPT_NAME'];",
	"place.php":     "<?php echo $_SERVER['SCRIPT_NAME'], '|', $_SERVER['PATH_INFO'] ?? '', '|', $_SERVER['HTTP_AUTHORIZATION'] ?? '';",
	"sub/index.php": "<?php echo 'index of ', $_SERVER['SCRIPT_NAME'];",
	"style.css":     "body {}",
	"picture.jpg":   "<?php echo strtoupper('has run');",
	".secret":       "secret",
	".git/config":   "secret",
}

func writeSite(t *testing.T) string {
	t.Helper()
	dir := Dir(t)
	for name, text := range site {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// startPool runs php-fpm with the configuration of conf, and returns the address of its pool and
// that of its status page.
func startPool(t *testing.T, network string) (pool, status net.Addr) {
	t.Helper()
	binary := Find(t, "php-fpm8.2")
	dir := Dir(t)
	d := conf.Data{Dir: dir, Network: network, SplitPath: []string{".php"}, Whole: conf.Whole{SocketMode: "0666"}}
	d.Address, d.StatusAddress = filepath.Join(dir, "s"), filepath.Join(dir, "status")
	if network == "tcp" {
		d.Address, d.StatusAddress = twoPorts(t)
	}
	var err error
	if d.User, d.Group, err = chownToWorkers(dir); err != nil {
		t.Fatal(err)
	}
	text := renderWhole(t, "php-fpm.conf", d)
	file := filepath.Join(dir, "conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	check := conf.Check(t.Context(), "php-fpm", binary, file, dir)
	if out, err := check.CombinedOutput(); err != nil {
		t.Fatalf("php-fpm -t: %v\n%s", err, Excerpt(string(out)))
	}
	runUntilEnd(t, conf.Foreground("php-fpm", binary, file, dir), dir, network, d.StatusAddress)
	return address(network, d.Address), address(network, d.StatusAddress)
}

// twoPorts returns two addresses whose ports are free.
func twoPorts(t *testing.T) (a, b string) {
	t.Helper()
	a, err := freePort()
	for err == nil && (b == "" || a == b) {
		b, err = freePort()
	}
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func address(network, name string) net.Addr {
	if network == "unix" {
		return &net.UnixAddr{Net: network, Name: name}
	}
	a, _ := net.ResolveTCPAddr(network, name) // the test made the address
	return a
}

// runUntilEnd starts a server that listens at the given address, and stops it when the test ends.
func runUntilEnd(t *testing.T, cmd *exec.Cmd, dir, network, address string) {
	t.Helper()
	output := filepath.Join(dir, "output.log")
	p, err := startProcess(cmd, output)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.stop(stopLimit); err != nil {
			t.Error(err)
		}
		if text, _ := os.ReadFile(output); t.Failed() {
			t.Logf("it printed:\n%s", Excerpt(string(text)))
		}
	})
	for end := time.Now().Add(startLimit); ; {
		c, err := net.Dial(network, address)
		if err == nil {
			c.Close()
			return
		}
		select {
		case <-p.exited:
			t.Fatalf("%s ended: %v", filepath.Base(cmd.Path), p.err)
		case <-time.After(pause):
		}
		if time.Now().After(end) {
			t.Fatalf("%s does not listen: %v", filepath.Base(cmd.Path), err)
		}
	}
}

// TestSiteInPHP: each server sends the scripts of a folder to php-fpm and its files to the client,
// and neither hidden files nor the text of a script.
func TestSiteInPHP(t *testing.T) {
	root := writeSite(t)
	for _, name := range conf.Names() {
		if !strings.HasSuffix(name, "-php") {
			continue
		}
		for _, network := range []string{"unix", "tcp"} {
			t.Run(name+" "+network, func(t *testing.T) {
				Find(t, conf.Server(name))
				pool, _ := startPool(t, network)
				for _, keep := range []bool{false, true} {
					s := Start(t, Config{Template: name, Backend: pool, Root: root, SplitPath: []string{".php"}, KeepAlive: keep, Buffered: keep})
					checkSite(t, s, conf.Server(name) != "haproxy")
				}
			})
		}
	}
}

// checkSite checks what a server answers for the site. A server without files is asked for scripts
// alone.
func checkSite(t *testing.T, s *Server, files bool) {
	t.Helper()
	expect := func(path string, status int, body string) {
		t.Helper()
		resp, got := get(t, s.URL+path, "Authorization", "Basic eDp5")
		if resp.StatusCode != status || body != "" && got != body {
			t.Errorf("%s: got %s, %.200q; want %d, %q", path, resp.Status, got, status, body)
		}
	}
	expect("/place.php?x=/y.php", 200, "/place.php||Basic eDp5")
	expect("/place.php/a%20b/c.php", 200, "/place.php|/a b/c.php|Basic eDp5")
	expect("/", 200, "index of /index.php")
	expect("/sub/", 200, "index of /sub/index.php")
	expect("/missing.php", 404, "")
	for _, path := range []string{"/.secret", "/.git/config", "/picture.jpg/x.php"} {
		if resp, got := get(t, s.URL+path, "", ""); strings.Contains(got, "HAS RUN") || strings.Contains(got, "secret") {
			t.Errorf("%s: got %s, %.200q; want a refusal", path, resp.Status, got)
		}
	}
	if files {
		expect("/style.css", 200, "body {}")
		resp, _ := get(t, s.URL+"/style.css", "", "")
		if got := resp.Header.Get("Content-Type"); !strings.HasPrefix(got, "text/css") {
			t.Errorf("/style.css: got Content-Type %q; want text/css", got)
		}
	}
}
