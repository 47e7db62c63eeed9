//go:build unix

package host_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
	"github.com/cgikit/cgikit/util"
)

// link makes symbolic links below root, from alternating names and targets.
func link(t *testing.T, root string, namesAndTargets ...string) {
	t.Helper()
	for i := 0; i < len(namesAndTargets); i += 2 {
		if err := os.Symlink(namesAndTargets[i+1], filepath.Join(root, namesAndTargets[i])); err != nil {
			t.Fatal(err)
		}
	}
}

// TestHandlerLinks: the answer and the log line for a link that is not followed.
func TestHandlerLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give links away")
	}
	top := site(t, "www/index.php", "secret.php", "secret.txt")
	root := filepath.Join(top, "www")
	link(t, root, "planted.php", "../secret.php", "planted.txt", "../secret.txt", "packaged.php", "../secret.php", "loop.php", "loop.php",
		"planted", "..", "dangling.php", "nothing.php")
	for _, name := range []string{"planted.php", "planted.txt", "planted"} {
		if err := os.Lchown(filepath.Join(root, name), 54321, 54321); err != nil {
			t.Fatal(err)
		}
	}
	for target, want := range map[string]struct {
		status int
		log    string
	}{
		"/packaged.php":       {200, ""},
		"/dangling.php":       {404, ""},
		"/nothing.php":        {404, ""},
		"/planted.php":        {404, `planted.php\" of user 54321 is not followed: it leads to \"` + top + `/secret.php\" of user 0`},
		"/planted.php/x":      {404, `planted.php\" of user 54321 is not followed`},
		"/planted.txt":        {404, `planted.txt\" of user 54321 is not followed`},
		"/planted/secret.php": {404, `planted\" of user 54321 is not followed: it leads to \"` + top + `\" of user 0`},
		"/loop.php":           {404, `loop.php\" of user 0 is not followed: the path leads through more than 40 links`},
	} {
		log := &logBuffer{}
		h := &host.Handler{
			Backend: &recorder{}, Root: root, SplitPath: php, Index: []string{"index.php"}, Fallback: "/index.php", ErrorLog: log.logger(),
		}
		lines := 1
		if want.log == "" {
			lines = 0
		}
		a := get(t, h, target)
		if a.status != want.status || strings.Contains(a.body, top) {
			t.Errorf("%s: got %+v; want %d", target, a, want.status)
		}
		if got := log.String(); !strings.Contains(got, want.log) || strings.Count(got, "\n") != lines || strings.Contains(got, "application") {
			t.Errorf("%s: got the log %q; want %d line with %q", target, got, lines, want.log)
		}
	}
}

// ask makes h answer one request, without a network.
func ask(t *testing.T, h gateway.App, path string) (answer, log string) {
	t.Helper()
	var out, stderr strings.Builder
	e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "REQUEST_URI": path, "SCRIPT_NAME": "", "PATH_INFO": path})
	run := gateway.BaseCGIHandler{Environ: e, Stdout: &out, Stderr: &stderr}
	if err := run.Run(t.Context(), h); err != nil {
		t.Error(err)
	}
	_, body, _ := strings.Cut(out.String(), "\r\n\r\n")
	return body, stderr.String()
}

// TestHandlerRootMoves: Root is a link to a release, which is changed to the next release.
func TestHandlerRootMoves(t *testing.T) {
	top := site(t, "r1/index.php", "r2/index.php", "r2/new.php")
	current := filepath.Join(top, "current")
	turn := func(release string) {
		t.Helper()
		link(t, top, "next", release)
		if err := os.Rename(filepath.Join(top, "next"), current); err != nil {
			t.Fatal(err)
		}
	}
	turn("r1")
	synctest.Test(t, func(t *testing.T) {
		b, real := &recorder{}, &recorder{}
		h := &host.Handler{Backend: b, Root: current, SplitPath: php, Symlinks: exchange.SymlinksNone}
		resolving := &host.Handler{Backend: real, Root: current, SplitPath: php, Symlinks: exchange.SymlinksNone, ResolveRoot: true}
		want := func(path, release string) {
			t.Helper()
			ask(t, h, path)
			b.want(t, "DOCUMENT_ROOT", current, "SCRIPT_FILENAME", filepath.Join(current, path))
			ask(t, resolving, path+"/x")
			dir := filepath.Join(top, release)
			real.want(t, "DOCUMENT_ROOT", dir, "SCRIPT_FILENAME", filepath.Join(dir, path), "PATH_TRANSLATED", filepath.Join(dir, "x"))
		}
		want("/index.php", "r1")
		turn("r2")
		time.Sleep(time.Second)
		want("/index.php", "r2")
		turn("r1")
		time.Sleep(time.Second)
		want("/index.php", "r1")
		turn("r2")
		want("/new.php", "r2") // at once, since the last release does not have it
	})
}

// TestResolveRootWithoutScripts: the application gets the real DOCUMENT_ROOT too.
func TestResolveRootWithoutScripts(t *testing.T) {
	top := site(t, "r1/")
	link(t, top, "current", "r1")
	b := &recorder{}
	get(t, &host.Handler{Backend: b, ErrorLog: quiet, Root: filepath.Join(top, "current"), ResolveRoot: true}, "/x").want(t, 200, "ok")
	b.want(t, "DOCUMENT_ROOT", filepath.Join(top, "r1"), "PATH_TRANSLATED", filepath.Join(top, "r1", "x"))
	h := &host.Handler{Backend: b, ErrorLog: quiet, Root: filepath.Join(top, "missing"), ResolveRoot: true}
	if a := get(t, h, "/x"); a.status != 500 {
		t.Errorf("got %+v; want a 500", a)
	}
}

// TestFilesLinks: Debian's packages have links out of the folder, which belong to root. Links of
// another user are not followed.
func TestFilesLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give links away")
	}
	top := site(t, "share/phpmyadmin/page.txt", "share/javascript/jquery.js", "secret", "home/own.txt")
	root := filepath.Join(top, "share/phpmyadmin")
	link(t, root, "js", "../javascript", "planted", "../../secret", "own", "../../home/own.txt", "loop", "loop", "dangling", "nothing",
		"up", "../../..", "index.html", "../../secret", "private", "page.txt")
	for _, name := range []string{root + "/planted", root + "/own", root + "/up", root + "/index.html", top + "/home/own.txt"} {
		if err := os.Lchown(name, 54321, 54321); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		target string
		links  exchange.Symlinks
		status int
		body   string
		log    string
	}{
		{target: "/js/jquery.js", status: 200, body: "share/javascript/jquery.js"},
		{target: "/own", status: 200, body: "home/own.txt"},
		{target: "/planted", status: 404, log: `planted\" of user 54321 is not followed: it leads to \"` + top + `/secret\" of user 0`},
		{target: "/up/secret", status: 404, log: `up\" of user 54321 is not followed`},
		{target: "/", status: 404, log: `index.html\" of user 54321 is not followed`},
		{target: "/loop", status: 404, log: `loop\" of user 0 is not followed: the path leads through more than 40 links`},
		{target: "/pipe", status: 404, log: "neither a regular file nor a folder"},
		{target: "/dangling", status: 404},
		{target: "/js/../../secret", status: 400, log: "above"},
		{target: "/planted", links: exchange.SymlinksAll, status: 200, body: "secret"},
		{target: "/js/jquery.js", links: exchange.SymlinksNone, status: 404, log: `js\" of user 0 is not followed: no symbolic link is followed here`},
		{target: "/private", links: exchange.SymlinksNone, status: 404, log: `private\" of user 0 is not followed`},
	} {
		log := &logBuffer{}
		h := &httpapp.AppHandler{App: &host.Files{Root: root, Symlinks: c.links, ErrorLog: log.logger()}, ErrorLog: log.logger()}
		a := get(t, h, c.target)
		if a.status != c.status || c.body != "" && a.body != c.body || strings.Contains(a.body, top) {
			t.Errorf("%s, %s: got %+v; want %d %q", c.target, c.links, a, c.status, c.body)
		}
		lines := 1
		if c.log == "" {
			lines = 0
		}
		if got := log.String(); !strings.Contains(got, c.log) || strings.Count(got, "\n") != lines {
			t.Errorf("%s, %s: got the log %q; want %d line with %q", c.target, c.links, got, lines, c.log)
		}
	}
}

// TestFilesRootMoves: files come from the release to which Root leads, and a request under way
// keeps its file.
func TestFilesRootMoves(t *testing.T) {
	top := site(t, "r1/page.txt", "r2/page.txt", "r2/new.txt")
	link(t, top, "current", "r1")
	app := &host.Files{Root: filepath.Join(top, "current"), Symlinks: exchange.SymlinksNone}
	synctest.Test(t, func(t *testing.T) {
		want := func(path, body string) {
			t.Helper()
			if got, log := ask(t, app, path); got != body || log != "" {
				t.Errorf("%s: got %q, log %q; want %q", path, got, log, body)
			}
		}
		want("/page.txt", "r1/page.txt")
		link(t, top, "next", "r2")
		if err := os.Rename(filepath.Join(top, "next"), filepath.Join(top, "current")); err != nil {
			t.Fatal(err)
		}
		want("/new.txt", "r2/new.txt") // at once, since r1 does not have it
		want("/page.txt", "r2/page.txt")
		link(t, top, "next", "r1")
		if err := os.Rename(filepath.Join(top, "next"), filepath.Join(top, "current")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		want("/page.txt", "r1/page.txt")
	})
}

// TestOffloadLinks: whether a link in a folder of Offload is followed depends on its owner too.
func TestOffloadLinks(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give links away")
	}
	top := site(t, "files/a.txt", "secret", "shared")
	root := filepath.Join(top, "files")
	link(t, root, "packaged", "../shared", "planted", "../secret", "loop", "loop")
	if err := os.Lchown(filepath.Join(root, "planted"), 54321, 54321); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(root, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		status int
		log    string
	}{
		"packaged": {200, ""},
		"planted":  {502, `of user 54321 is not followed`},
		"loop":     {502, "more than 40 links"},
		"pipe":     {502, "neither a regular file nor a folder"},
	} {
		for _, field := range []string{"X-Accel-Redirect: /protected/", "X-Sendfile: " + root + "/"} {
			log := &logBuffer{}
			h := &host.Handler{Backend: says("Content-Type: a/b\n" + field + name + "\n\n"), ErrorLog: log.logger()}
			h.Offload = map[string]string{"/protected": root}
			a := get(t, h, "/")
			if a.status != want.status || strings.Contains(a.body, "secret") || strings.Contains(a.body, top) {
				t.Errorf("%s%s: got %+v; want %d", field, name, a, want.status)
			}
			if got := log.String(); !strings.Contains(got, want.log) || want.log == "" && got != "" {
				t.Errorf("%s%s: got the log %q; want %q", field, name, got, want.log)
			}
		}
	}
}
