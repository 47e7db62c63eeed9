//go:build unix

package cgi_test

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// TestDirBehindServers: where neither SCRIPT_FILENAME nor DOCUMENT_ROOT is in the folder, the path
// of the URL is one in the folder.
func TestDirBehindServers(t *testing.T) {
	root := folderOfScripts(t)
	for _, test := range []struct {
		name    string
		environ string // as for TestDir
		want    string // SCRIPT_NAME|PATH_INFO|SCRIPT_FILENAME|PATH_TRANSLATED, or a status
	}{
		{"Apache, ProxyPass at the root", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:33691/sub/show/a SCRIPT_NAME=/sub/show/a DOCUMENT_ROOT=/var/www",
			"/sub/show|/a|/site/sub/show|/var/www/a"},
		{"Apache, ProxyPass of a path", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:33691/show/a SCRIPT_NAME=/cgi/show/a DOCUMENT_ROOT=/var/www",
			"/cgi/show|/a|/site/show|/var/www/a"},
		{"Apache, ProxyPass, encoded", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:33691/sh%6fw SCRIPT_NAME=/cgi/show DOCUMENT_ROOT=/var/www",
			"/cgi/show||/site/show|"},
		{"Apache, ProxyPass to a unix socket", "SCRIPT_FILENAME=proxy:unix:/run/a.sock|fcgi://localhost/show/a SCRIPT_NAME=/show/a DOCUMENT_ROOT=/var/www",
			"/show|/a|/site/show|/var/www/a"},
		{"Apache, ProxyPass to the folder's path", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:33691ROOT/show/a SCRIPT_NAME=/cgi/show/a DOCUMENT_ROOT=/var/www",
			"/cgi/show|/a|/site/show|/var/www/a"},
		{"Apache, SetHandler in the folder", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:33691ROOT/show SCRIPT_NAME=/cgi/show PATH_INFO=/a PATH_TRANSLATED=/var/www/a",
			"/cgi/show|/a|/site/show|/var/www/a"},
		{"Apache, balancer", "SCRIPT_FILENAME=proxy:balancer://pool/show SCRIPT_NAME=/show DOCUMENT_ROOT=/var/www", "/show||/site/show|"},
		{"Apache, SCGI", "SCRIPT_FILENAME=proxy:scgi://127.0.0.1:35251/srv/any.file SCRIPT_NAME=/app PATH_INFO=/show/a DOCUMENT_ROOT=/var/www",
			"/app/show|/a|/site/show|/var/www/a"},
		{"Apache, no path after the address", "SCRIPT_FILENAME=proxy:fcgi://127.0.0.1:33691 SCRIPT_NAME=/show DOCUMENT_ROOT=/var/www", "/show||/site/show|"},
		{"lighttpd at the root", "SCRIPT_FILENAME=/var/www/sub SCRIPT_NAME=/sub PATH_INFO=/show/a PATH_TRANSLATED=/var/www/show/a DOCUMENT_ROOT=/var/www",
			"/sub/show|/a|/site/sub/show|/var/www/a"},
		{"lighttpd at the root, fixed", "SCRIPT_FILENAME=/var/www/sub SCRIPT_NAME= PATH_INFO=/sub/show/a DOCUMENT_ROOT=/var/www",
			"/sub/show|/a|/site/sub/show|/var/www/a"},
		{"lighttpd at a path", "SCRIPT_FILENAME=/var/www/cgi SCRIPT_NAME=/cgi PATH_INFO=/sub/show/a DOCUMENT_ROOT=/var/www",
			"/cgi/sub/show|/a|/site/sub/show|/var/www/a"},
		{"lighttpd with the folder as its root", "SCRIPT_FILENAME=ROOT/sub SCRIPT_NAME=/sub PATH_INFO=/show/a DOCUMENT_ROOT=ROOT",
			"/sub/show|/a|/site/sub/show|ROOT/a"},
		{"HAProxy", "SCRIPT_FILENAME=/ PATH_INFO=/show/a DOCUMENT_ROOT=/ PATH_TRANSLATED=//show/a", "/show|/a|/site/show|/a"},
		{"HAProxy at a path", "SCRIPT_FILENAME=//app SCRIPT_NAME=/app PATH_INFO=/show/a DOCUMENT_ROOT=/", "/app/show|/a|/site/show|/a"},
		{"nginx, fastcgi.conf of another root", "SCRIPT_FILENAME=/usr/share/nginx/html/show/a SCRIPT_NAME=/show/a DOCUMENT_ROOT=/usr/share/nginx/html DOCUMENT_URI=/show/a",
			"/show|/a|/site/show|/usr/share/nginx/html/a"},
		{"nginx, fastcgi.conf without a split", "SCRIPT_FILENAME=ROOT/show/a SCRIPT_NAME=/show/a DOCUMENT_ROOT=ROOT", "/show|/a|/site/show|ROOT/a"},
		{"nginx, split in two places", "SCRIPT_FILENAME=ROOT/show/a SCRIPT_NAME=/show/a PATH_INFO=/b DOCUMENT_ROOT=ROOT", "/show|/a/b|/site/show|ROOT/a/b"},
		{"nginx, stock scgi_params", "REQUEST_URI=//show/a DOCUMENT_URI=/show/a DOCUMENT_ROOT=/usr/share/nginx/html", "/show|/a|/site/show|/usr/share/nginx/html/a"},
		{"REQUEST_URI alone", "REQUEST_URI=/sub/..//show/a%2fb?c", "/show|/a/b|/site/show|"},
		{"DOCUMENT_ROOT in the folder", "SCRIPT_NAME=/show PATH_INFO=/a DOCUMENT_ROOT=ROOT/sub", "/show|/a|/site/sub/show|ROOT/sub/a"},
		{"a script before its mount", "SCRIPT_NAME=/show PATH_INFO=/sub/show", "/show|/sub/show|/site/show|"},
		{"PATH_TRANSLATED stays in the root", "SCRIPT_NAME=/show PATH_INFO=/../../etc/passwd DOCUMENT_ROOT=/var/www",
			"/show|/../../etc/passwd|/site/show|/var/www/etc/passwd"},

		{"missing, named", "SCRIPT_FILENAME=ROOT/nothing SCRIPT_NAME=/nothing PATH_INFO=/show", "404"},
		{"missing, named by the root", "SCRIPT_FILENAME=ROOT/nothing SCRIPT_NAME=/nothing PATH_INFO=/show DOCUMENT_ROOT=ROOT", "404"},
		{"missing, elsewhere", "SCRIPT_FILENAME=/var/www/cgi SCRIPT_NAME=/cgi PATH_INFO=/nothing DOCUMENT_ROOT=/var/www", "404"},
		{"not executable, named", "SCRIPT_FILENAME=ROOT/secret SCRIPT_NAME=/secret PATH_INFO=/show DOCUMENT_ROOT=ROOT", "403"},
		{"not executable, before a script", "SCRIPT_NAME=/secret PATH_INFO=/show", "403"},
		{"above the folder", "REQUEST_URI=/../other/show", "400"},
	} {
		t.Run(test.name, func(t *testing.T) {
			expand := strings.NewReplacer("ROOT", root, "TOP", filepath.Dir(root))
			var list []string
			for pair := range strings.SplitSeq(test.environ, " ") {
				name, value, _ := strings.Cut(pair, "=")
				list = append(list, name+"="+strings.ReplaceAll(value, "ROOT", root))
			}
			got := askDir(t, root, &gateway.Request{Environ: util.EnvironFromList(list)})
			if want := expand.Replace(test.want); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		})
	}
}

// askDir returns what the script show says of its place, or the status of a refusal.
func askDir(t *testing.T, root string, r *gateway.Request) string {
	t.Helper()
	d := &cgi.Dir{Path: root, Script: cgi.Script{Env: []string{"TOP=" + filepath.Dir(root)}}}
	return askBackend(t, d, r)
}

// askBackend returns the body of a response, or the status of one that is not a 200.
func askBackend(t *testing.T, b gateway.Backend, r *gateway.Request) string {
	t.Helper()
	if r.Stderr == nil {
		r.Stderr = new(strings.Builder)
	}
	resp, body, err := fetch(t, b, r)
	if err != nil {
		status, _ := gateway.ErrorPage(err)
		return status[:3]
	}
	if resp.Status != "" {
		return resp.Status[:3]
	}
	return body
}

// TestDirSaysTheCure: the log names the setting by which a path becomes one in the folder.
func TestDirSaysTheCure(t *testing.T) {
	root := folderOfScripts(t)
	for _, test := range []struct {
		environ string
		cure    bool
	}{
		{"SCRIPT_NAME=/cgi/show", true},
		{"SCRIPT_FILENAME=/var/www/cgi/show SCRIPT_NAME=/cgi/show DOCUMENT_ROOT=/var/www", true},
		{"PATH_INFO=/nothing", false},
	} {
		var log strings.Builder
		askDir(t, root, &gateway.Request{Environ: util.EnvironFromList(strings.Split(test.environ, " ")), Stderr: &log})
		if got := strings.Contains(log.String(), "--mount PATH"); got != test.cure || strings.Count(log.String(), "\n") != 1 {
			t.Errorf("%s: got the log %q", test.environ, log.String())
		}
		if outside := strings.Contains(test.environ, "SCRIPT_FILENAME"); outside != strings.Contains(log.String(), `"/var/www/cgi/show" is outside the folder`) {
			t.Errorf("%s: got the log %q", test.environ, log.String())
		}
	}
}

// TestDirTarget: over HTTP the path is the client's (C15, C16, C28).
func TestDirTarget(t *testing.T) {
	root := folderOfScripts(t)
	for _, test := range []struct{ name, sent, mount, want string }{
		{"plain", "/show/a", "", "/show|/a|/site/show|/srv/a"},
		{"mounted", "/cgi/sub/show/a", "/cgi", "/cgi/sub/show|/a|/site/sub/show|/srv/a"},
		{"dots", "/x/../sub/./show", "", "/sub/show||/site/sub/show|"},
		{"encoded dots", "/x/%2e%2e/show/%2e", "", "/show|/|/site/show|/srv/"},
		{"empty segments", "//sub//show//a//", "", "/sub/show|/a/|/site/sub/show|/srv/a/"},
		{"dots after the script", "/show/a/../b/..", "", "/show|/|/site/show|/srv/"},
		{"from one script to another", "/show/../sub/show", "", "/sub/show||/site/sub/show|"},
		{"an encoded letter", "/%73how/%61", "", "/show|/a|/site/show|/srv/a"},
		{"an encoded slash after the script", "/show/a%2Fb%2f", "", "/show|/a/b/|/site/show|/srv/a/b/"},
		{"an encoded slash and dots after it", "/show/a%2f..%2fb", "", "/show|/b|/site/show|/srv/b"},

		{"an encoded slash before the script", "/sub%2Fshow", "", "404"},
		{"an encoded slash at the script's end", "/show%2fa", "", "404"},
		{"an encoded slash in a folder", "/sub/x%2f..%2fshow", "", "404"},
		{"an encoded slash at the root", "/%2fshow", "", "404"},
		{"above the root", "/../other/show", "", "400"},
		{"far above the root", "/show/%2e%2e/%2e%2e/etc/passwd", "", "400"},
		{"above the script", "/show/a%2f..%2f..%2fsub/show", "", "400"},
		{"outside the mount", "/cgi/../show", "/cgi", "404"},
		{"hidden", "/.git/hook", "", "404"},
		{"a folder", "/sub", "", "403"},
		{"a folder by dots", "/sub/x/..", "", "404"},
		{"a backslash", `/sub\show`, "", "404"},
		{"not UTF-8", "/%ff", "", "404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			plain, _ := util.DecodePath(test.sent)
			e := util.EnvironFromMap(map[string]string{
				"SCRIPT_NAME": test.mount, "PATH_INFO": strings.TrimPrefix(plain, test.mount), "DOCUMENT_ROOT": "/srv", "REQUEST_URI": test.sent,
			})
			if got := askDir(t, root, &gateway.Request{Environ: e, EscapedPath: test.sent}); got != test.want {
				t.Errorf("%s: got %q; want %q", test.sent, got, test.want)
			}
		})
	}
}

// TestDirAsFcgiwrap: side by side. Dir runs each script that fcgiwrap runs, and gives it the same
// PATH_INFO. fcgiwrap leaves SCRIPT_NAME as it is, and sets no SCRIPT_FILENAME.
func TestDirAsFcgiwrap(t *testing.T) {
	root := folderOfScripts(t)
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		t.Fatal(err)
	}
	wrap := startFcgiwrap(t)
	const show = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s|%s' \"${0##*/site}\" \"$PATH_INFO\""
	for _, name := range []string{"show", "sub/show"} {
		writeScript(t, filepath.Join(root, name), show, 0o755)
	}
	for _, test := range []struct{ environ, want string }{
		{"SCRIPT_FILENAME=ROOT/show SCRIPT_NAME=/x PATH_INFO=/y", "/show|/y"},
		{"SCRIPT_FILENAME=ROOT/sub/show SCRIPT_NAME=/show DOCUMENT_ROOT=ROOT", "/sub/show|"},
		{"SCRIPT_NAME=/show DOCUMENT_ROOT=ROOT", "/show|"},
		{"SCRIPT_NAME=/show/a/b DOCUMENT_ROOT=ROOT", "/show|/a/b"},
		{"SCRIPT_NAME=/sub/show/ DOCUMENT_ROOT=ROOT", "/sub/show|/"},
		{"SCRIPT_NAME=/site/sub/show/a DOCUMENT_ROOT=TOP", "/sub/show|/a"},
		{"SCRIPT_NAME=show/a DOCUMENT_ROOT=ROOT/", "/show|/a"}, // as in its manual
		{"SCRIPT_FILENAME=ROOT/secret", "403"},
		{"SCRIPT_FILENAME=ROOT/sub", "403"},
		{"SCRIPT_NAME=/sub DOCUMENT_ROOT=ROOT", "403"},
	} {
		var list []string
		for pair := range strings.SplitSeq(test.environ, " ") {
			name, value, _ := strings.Cut(pair, "=")
			list = append(list, name+"="+strings.NewReplacer("ROOT", root, "TOP", filepath.Dir(root)).Replace(value))
		}
		r := &gateway.Request{Environ: util.EnvironFromList(append(list, "REQUEST_METHOD=GET")), Stderr: io.Discard}
		if got := askDir(t, root, r); got != test.want {
			t.Errorf("%s: got %q; want %q", test.environ, got, test.want)
		}
		resp, got, err := fetch(t, wrap, r)
		if err != nil {
			t.Fatal(err)
		}
		if resp.Status != "" {
			got = resp.Status[:3]
		}
		if got != test.want {
			t.Errorf("%s: fcgiwrap gives %q; the table has %q", test.environ, got, test.want)
		}
	}
}
