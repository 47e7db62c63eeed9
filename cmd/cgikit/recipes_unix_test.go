//go:build unix

package main

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/testdata/conf"
)

// recipe is a section of .github/RECIPES.md, or another page. A test runs its lines as they are,
// but for addresses and paths.
type recipe struct {
	t    *testing.T
	text string
	dir  string            // of the sockets, open to the workers of nginx
	swap map[string]string // paths of the page, and those of the test
}

func findRecipe(t *testing.T, title string) *recipe {
	t.Helper()
	r := readPage(t, "RECIPES.md")
	_, rest, found := strings.Cut(r.text, "\n## "+title+"\n")
	if !found {
		t.Fatalf("RECIPES.md has no section %q", title)
	}
	r.text, _, _ = strings.Cut(rest, "\n## ")
	return r
}

// readPage returns a whole page as a recipe.
func readPage(t *testing.T, name string) *recipe {
	t.Helper()
	page, err := os.ReadFile("../../.github/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return &recipe{t: t, text: string(page), dir: webserver.Dir(t), swap: map[string]string{}}
}

// replace puts the paths of the test in the place of those of the page.
func (r *recipe) replace(text string) string {
	for old, path := range r.swap {
		text = strings.ReplaceAll(text, old, path)
	}
	return text
}

// serve runs the one line "cgikit serve" of the recipe that has all the words, and returns the
// address at which it listens: a port of its own in the place of one that is written, or the socket
// of the same name in the folder of the test.
func (r *recipe) serve(words ...string) string {
	r.t.Helper()
	var lines []string
	for _, line := range regexp.MustCompile(`(?m)^    (cgikit serve .*)$`).FindAllString(r.text, -1) {
		has := true
		for _, word := range words {
			has = has && strings.Contains(line, word)
		}
		if has {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		r.t.Fatalf("%d lines have %q: %q", len(lines), words, lines)
	}
	args := splitWords(r.replace(strings.TrimSpace(lines[0])))[2:]
	for i, arg := range args {
		if i > 0 && args[i-1] == "-l" {
			args[i] = r.ownAddress(arg)
		}
	}
	return serveUntilEnd(r.t, args...)
}

func (r *recipe) ownAddress(address string) string {
	protocol, rest, isSocket := strings.Cut(address, "+unix:/run/")
	if !isSocket {
		return regexp.MustCompile(`:\d+$`).ReplaceAllString(address, ":0")
	}
	name, _, _ := strings.Cut(rest, "?")
	return protocol + "+unix:" + filepath.Join(r.dir, name) + "?mode=0666"
}

// nginx runs nginx with the part of its configuration that the recipe has, and returns the URL of
// its root.
func (r *recipe) nginx() string {
	r.t.Helper()
	m := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(r.text)
	if m == nil {
		r.t.Fatal("the recipe has nothing for nginx")
	}
	url, _ := runNginx(r.t, strings.ReplaceAll(r.replace(m[1]), "unix:/run/", "unix:"+r.dir+"/"))
	return url
}

// runNginx runs nginx until the test ends, with text in its section server, and returns its URL and
// the path of its log.
func runNginx(t *testing.T, text string) (url, log string) {
	t.Helper()
	binary := webserver.Find(t, "nginx")
	dir := webserver.Dir(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	text = strings.ReplaceAll(text, "include ", "include "+conf.Includes(binary)+"/")
	text = strings.NewReplacer("DIR", dir, "LISTEN", l.Addr().String(), "TEXT", text).Replace(nginxAround)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	inherited, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer inherited.Close()
	c := conf.Foreground("nginx", binary, file, dir)
	c.ExtraFiles = []*os.File{inherited}
	// nginx inherits this socket as a new version does from an old one: no other process can get
	// its port, and it accepts connections before nginx is ready
	c.Env = append(os.Environ(), "NGINX=3;")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil || t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "error.log"))
			t.Logf("nginx: %v\n%s", err, webserver.Excerpt(string(log)))
		}
	})
	return "http://" + l.Addr().String(), filepath.Join(dir, "error.log")
}

const nginxAround = `daemon off;
worker_processes 1;
pid DIR/pid;
error_log DIR/error.log info;
events {
}
http {
	access_log off;
	client_body_temp_path DIR/body;
	fastcgi_temp_path DIR/fastcgi;
	proxy_temp_path DIR/proxy;
	scgi_temp_path DIR/scgi;
	uwsgi_temp_path DIR/uwsgi;
	types {
		text/css css;
	}
	server {
		listen LISTEN;
		TEXT
	}
}
`
