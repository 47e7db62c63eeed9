package host_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/host"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// dokuwiki is a site like DokuWiki's: scripts, files, and folders that no client may read.
func dokuwiki(t *testing.T) string {
	return site(t, "doku.php", "index.php", "style.css", "data/pages/a.txt", "data/run.php", "conf/users.auth.php", "conf/a b",
		"lib/data/x.txt", "lib/exe/js.php", "old.BAK", "100%/x", "database.txt")
}

// denying is the patterns of the tests below.
var denying = []string{"/data", "/conf/", "*.bak", "/100%"}

// denied has paths and whether they are denied.
var denied = map[string]bool{
	"/doku.php": false, "/style.css": false, "/lib/data/x.txt": false, "/lib/exe/js.php": false, "/database.txt": false, "/": false,
	"/doku.php/data/x": false,
	"/data":            true, "/data/": true, "/data/pages/a.txt": true, "/data/run.php": true, "/data/run.php/info": true, "/data/nothing": true,
	"/conf": true, "/conf/users.auth.php": true, "/conf/a%20b": true, "/old.BAK": true, "/lib/x.bak/y": true,
	"/%64ata/pages/a.txt": true, "/DATA/pages/a.txt": true, "//data//pages/a.txt": true, "/./data/pages/a.txt": true, "/lib/../data/pages/a.txt": true,
	"/lib/%2e%2e/data/pages/a.txt": true, "/data/./pages/a.txt": true, "/data%2fpages%2fa.txt": true, "/lib%2f..%2fdata/pages/a.txt": true,
	"/data/..%2flib/exe/js.php": true, "/data/run.php/..%2f..": true, "/%2fdata/pages/a.txt": true, "/conf%2F": true, "/100%25/x": true,
	"/lib/data/../../data/run.php": true,
}

// TestDeny: no encoding of a denied path is let through, for scripts and files, whichever of them
// answers.
func TestDeny(t *testing.T) {
	root := dokuwiki(t)
	next := &host.Files{Root: root, ErrorLog: quiet}
	for name, h := range map[string]http.Handler{
		"scripts and files": &host.Handler{
			Backend: new(recorder), Root: root, SplitPath: php, Index: []string{"index.php"}, Fallback: "/index.php", Next: next, Deny: denying, ErrorLog: quiet,
		},
		"an application": &host.Handler{Backend: new(recorder), Deny: denying, ErrorLog: quiet},
		"files first":    &host.Handler{Backend: new(recorder), Root: root, Next: next, Deny: denying, ErrorLog: quiet},
		"files":          httpapp.Handler(&host.Files{Root: root, Deny: denying, ErrorLog: quiet}),
		"a fallback":     httpapp.Handler(&host.Files{Root: root, Deny: denying, Fallback: "/style.css", ErrorLog: quiet}),
	} {
		for target, want := range denied {
			w := send(h, "GET", target)
			if is := w.Code == 403; is != want && (want || w.Code >= 500) {
				t.Errorf("%s: %s: got %d %.60q; want denied %v", name, target, w.Code, w.Body, want)
			}
		}
	}
}

// TestDenyAsOthersSeePaths: the patterns are compared with the whole path, whatever the mount is,
// with the script that an index leads to, and with the target of a local redirect.
func TestDenyAsOthersSeePaths(t *testing.T) {
	root := dokuwiki(t)
	mounted := &host.Handler{Backend: new(recorder), Mount: "/wiki", Root: root, SplitPath: php, Deny: []string{"/wiki/data"}, ErrorLog: quiet}
	index := &host.Handler{Backend: new(recorder), Root: root, SplitPath: php, Index: []string{"index.php"}, Deny: []string{"/index.php"}, ErrorLog: quiet}
	redirecting := handler(says("Location: /data/x\n\n"))
	redirecting.Deny = denying
	files := &httpapp.AppHandler{App: &host.Files{Root: root, Deny: []string{"/docs/data"}, ErrorLog: quiet}, Mount: "/docs"}
	for _, c := range []struct {
		h      http.Handler
		target string
		want   int
	}{
		{mounted, "/wiki/data/run.php", 403},
		{mounted, "/wiki/doku.php", 200},
		{index, "/", 403},
		{index, "/doku.php", 200},
		{redirecting, "/anything", 403},
		{files, "/docs/data/pages/a.txt", 403},
		{files, "/docs/style.css", 200},
	} {
		if w := send(c.h, "GET", c.target); w.Code != c.want {
			t.Errorf("%s: got %d %.60q; want %d", c.target, w.Code, w.Body, c.want)
		}
	}
	if w := send(files, "GET", "/docs/"); strings.Contains(w.Body.String(), `"data/"`) || !strings.Contains(w.Body.String(), `"lib/"`) {
		t.Errorf("got the list %.500q; want it without data", w.Body)
	}
}

// TestDenyFolded: letters that a file system takes for others are compared as it does.
func TestDenyFolded(t *testing.T) {
	h := &host.Handler{Backend: new(recorder), Deny: []string{"/secret", "/Kern"}, ErrorLog: quiet}
	for _, target := range []string{"/SECRET", "/%c5%bfecret", "/%e2%84%aaern/x"} { // a long s, a Kelvin sign
		if w := send(h, "GET", target); w.Code != 403 {
			t.Errorf("%s: got %d; want 403", target, w.Code)
		}
	}
}

// TestFilesFirst: without SplitPath, files below Root come before the application.
func TestFilesFirst(t *testing.T) {
	root := site(t, "style.css", "sub/index.html", "list/x")
	b := new(recorder)
	h := &host.Handler{Backend: b, Root: root, Index: []string{"index.html"}, Next: &host.Files{Root: root}, ErrorLog: quiet}
	for target, want := range map[string]string{
		"/style.css": "style.css", "/sub/": "sub/index.html", "/list/": "ok", "/list": "ok", "/": "ok", "/a/b?c": "ok", "/.env": "ok", "/style.css/x": "ok",
	} {
		get(t, h, target).want(t, 200, want)
	}
	if a := get(t, h, "/sub?x"); a.status != 301 {
		t.Errorf("/sub: got %d; want 301", a.status)
	}
	get(t, h, "/a/b").want(t, 200, "ok")
	b.want(t, "SCRIPT_NAME", "", "PATH_INFO", "/a/b", "DOCUMENT_ROOT", root, "SCRIPT_FILENAME", "-")
}

// TestStaticFallback: a Fallback that is not a script is sent as a file, and not run.
func TestStaticFallback(t *testing.T) {
	root := site(t, "app.html", "api.php", "list/x")
	b := new(recorder)
	h := &host.Handler{Backend: b, Root: root, SplitPath: php, Fallback: "/app.html", Next: &host.Files{Root: root}, ErrorLog: quiet}
	for target, want := range map[string]string{"/": "app.html", "/route/1?x": "app.html", "/a%2fb": "app.html", "/api.php/x": "ok", "/list/x": "list/x"} {
		get(t, h, target).want(t, 200, want)
	}
	get(t, h, "/missing.php").want(t, 404, "There is nothing here.\n")
}

func TestFilesFallbackCheck(t *testing.T) {
	root := site(t, "index.html", "sub/x")
	for fallback, want := range map[string]bool{"/index.html": true, "/missing": false, "/sub": false, "index.html": false, "/../x": false} {
		if err := (&host.Files{Root: root, Fallback: fallback}).Check(); (err == nil) != want {
			t.Errorf("%s: got %v", fallback, err)
		}
	}
	if err := (&host.Files{Root: filepath.Join(root, "sub"), Deny: []string{"a/b"}}).Check(); err == nil {
		t.Error("got no error for a malformed pattern")
	}
}
