//go:build unix

package cgi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// folderOfScripts makes this tree and returns the folder "root" in it, without symbolic links in
// its path:
//
//	root/show        prints what the environ says of its place
//	root/sub/show    the same
//	root/secret      not executable
//	root/.git/hook   executable, as is root/.well-known/show
//	root/inside      a link to sub/show, and root/absolute the same by an absolute path
//	root/outside     a link to ../other/show, and root/out to the folder ../other
//	root/loop        a link to itself, and root/dangling to nothing
//	root/pipe        no regular file
//	other/show       executable, and not to be reached
func folderOfScripts(t *testing.T) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const show = `#!/bin/sh
printf 'Content-Type: text/plain\n\n%s|%s|%s|%s' "$SCRIPT_NAME" "$PATH_INFO" "${SCRIPT_FILENAME#"$TOP"}" "$PATH_TRANSLATED"`
	for name, mode := range map[string]os.FileMode{
		"site/show": 0o755, "site/sub/show": 0o755, "site/secret": 0o644, "site/.git/hook": 0o755, "other/show": 0o755,
		"site/.well-known/show": 0o755,
	} {
		path := filepath.Join(top, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		writeScript(t, path, show, mode)
	}
	for name, target := range map[string]string{
		"site/inside": "sub/show", "site/absolute": top + "/site/sub/show", "site/outside": "../other/show", "site/out": "../other", "site/loop": "loop",
		"site/dangling": "nothing",
	} {
		if err := os.Symlink(target, filepath.Join(top, name)); err != nil {
			t.Fatal(err)
		}
	}
	mustMkfifo(t, filepath.Join(top, "site/pipe"))
	return filepath.Join(top, "site")
}

// TestDir: which script, and what is left of the path.
func TestDir(t *testing.T) {
	root := folderOfScripts(t)
	for _, test := range []struct {
		name    string
		environ string // NAME=value, separated by spaces; ROOT is the folder
		status  string // "" is the script's answer
		want    string // SCRIPT_NAME|PATH_INFO|SCRIPT_FILENAME|PATH_TRANSLATED
		links   exchange.Symlinks
	}{
		{name: "SCRIPT_FILENAME", environ: "SCRIPT_FILENAME=ROOT/show SCRIPT_NAME=/x PATH_INFO=/y PATH_TRANSLATED=/z", want: "/x|/y|/site/show|/z"},
		{name: "SCRIPT_FILENAME below", environ: "SCRIPT_FILENAME=ROOT/sub/show", want: "||/site/sub/show|"},
		{name: "SCRIPT_FILENAME wins", environ: "SCRIPT_FILENAME=ROOT/sub/show DOCUMENT_ROOT=ROOT SCRIPT_NAME=/show PATH_INFO=/secret",
			want: "/show|/secret|/site/sub/show|"},
		{name: "SCRIPT_FILENAME with more behind it", environ: "SCRIPT_FILENAME=ROOT/show/more", status: "404"},
		{name: "SCRIPT_FILENAME outside", environ: "SCRIPT_FILENAME=/bin/sh", status: "403"},
		{name: "SCRIPT_FILENAME beside", environ: "SCRIPT_FILENAME=ROOT../other/show", status: "403"},
		{name: "SCRIPT_FILENAME with dots", environ: "SCRIPT_FILENAME=ROOT/../other/show", status: "404"},
		{name: "SCRIPT_FILENAME relative", environ: "SCRIPT_FILENAME=show", status: "403"},
		{name: "SCRIPT_FILENAME is the folder", environ: "SCRIPT_FILENAME=ROOT", status: "403"},

		{name: "DOCUMENT_ROOT", environ: "DOCUMENT_ROOT=ROOT SCRIPT_NAME=/show", want: "/show||/site/show|"},
		{name: "DOCUMENT_ROOT walked", environ: "DOCUMENT_ROOT=ROOT SCRIPT_NAME=/sub/show/a/../b", want: "/sub/show|/a/../b|/site/sub/show|ROOT/b"},
		{name: "DOCUMENT_ROOT walked, PATH_INFO too", environ: "DOCUMENT_ROOT=ROOT SCRIPT_NAME=/show/a PATH_INFO=/b", want: "/show|/a/b|/site/show|ROOT/a/b"},
		{name: "DOCUMENT_ROOT above", environ: "DOCUMENT_ROOT=TOP SCRIPT_NAME=/site/show/a", want: "/site/show|/a|/site/show|TOP/a"},
		{name: "DOCUMENT_ROOT missing script", environ: "DOCUMENT_ROOT=ROOT SCRIPT_NAME=/nothing/a", status: "404"},
		{name: "DOCUMENT_ROOT elsewhere", environ: "DOCUMENT_ROOT=/usr/share/nginx/html SCRIPT_NAME=/cgi PATH_INFO=/show/a",
			want: "/cgi/show|/a|/site/show|/usr/share/nginx/html/a"},

		{name: "PATH_INFO", environ: "PATH_INFO=/show", want: "/show||/site/show|"},
		{name: "PATH_INFO, mounted", environ: "SCRIPT_NAME=/cgi PATH_INFO=/sub/show/a//b PATH_TRANSLATED=/stale", want: "/cgi/sub/show|/a//b|/site/sub/show|"},
		{name: "PATH_INFO, mounted with a slash", environ: "SCRIPT_NAME=/ PATH_INFO=/show/", want: "/show|/|/site/show|"},
		{name: "PATH_INFO, link inside", environ: "PATH_INFO=/inside/a", want: "/inside|/a|/site/inside|"},
		{name: "PATH_INFO, absolute link inside", environ: "PATH_INFO=/absolute", want: "/absolute||/site/absolute|"},
		{name: "PATH_INFO, empty SCRIPT_FILENAME", environ: "SCRIPT_FILENAME= DOCUMENT_ROOT= PATH_INFO=/show", want: "/show||/site/show|"},

		{name: "nothing", status: "403"},
		{name: "root", environ: "PATH_INFO=/", status: "404"},
		{name: "folder", environ: "PATH_INFO=/sub", status: "403"},
		{name: "folder with a slash", environ: "PATH_INFO=/sub/", status: "404"},
		{name: "missing", environ: "PATH_INFO=/nothing", status: "404"},
		{name: "not executable", environ: "PATH_INFO=/secret", status: "403"},
		{name: "not executable with more behind it", environ: "PATH_INFO=/secret/show", status: "403"},
		{name: "no regular file", environ: "PATH_INFO=/pipe", status: "403"},
		{name: "link outside", environ: "PATH_INFO=/outside", status: "403", links: exchange.SymlinksNone},
		{name: "linked folder outside", environ: "PATH_INFO=/out/show", status: "403", links: exchange.SymlinksNone},
		{name: "link inside, none", environ: "PATH_INFO=/inside", status: "403", links: exchange.SymlinksNone},
		{name: "link outside, owner", environ: "PATH_INFO=/outside/a", want: "/outside|/a|/site/outside|"},
		{name: "linked folder outside, owner", environ: "PATH_INFO=/out/show", want: "/out/show||/site/out/show|"},
		{name: "link outside, all", environ: "PATH_INFO=/outside", want: "/outside||/site/outside|", links: exchange.SymlinksAll},
		{name: "dots after a link", environ: "PATH_INFO=/out/../site/show", status: "404"},
		{name: "dangling", environ: "PATH_INFO=/dangling", status: "404"},
		{name: "loop", environ: "PATH_INFO=/loop", status: "404"},
		{name: "dots", environ: "PATH_INFO=/../other/show", status: "404"},
		{name: "dots within", environ: "PATH_INFO=/sub/../show", status: "404"},
		{name: "dot", environ: "PATH_INFO=/./show", status: "404"},
		{name: "empty segment", environ: "PATH_INFO=//show", status: "404"},
		{name: "hidden", environ: "PATH_INFO=/.git/hook", status: "404"},
		{name: "hidden folder", environ: "PATH_INFO=/.git", status: "404"},
		{name: "well known", environ: "PATH_INFO=/.well-known/show", want: "/.well-known/show||/site/.well-known/show|"},
		{name: "hidden is no PATH_INFO", environ: "PATH_INFO=/show/.git", want: "/show|/.git|/site/show|"},
		{name: "relative", environ: "PATH_INFO=show", status: "404"},
		{name: "NUL", environ: "PATH_INFO=/show\x00", status: "404"},
		{name: "not UTF-8", environ: "PATH_INFO=/sh\xffow", status: "404"},
		{name: "too long", environ: "PATH_INFO=/" + strings.Repeat("x", 5000), status: "404"},
		{name: "encoded stays encoded", environ: "PATH_INFO=/%73how", status: "404"},
	} {
		t.Run(test.name, func(t *testing.T) {
			expand := strings.NewReplacer("ROOT", root, "TOP", filepath.Dir(root))
			e := util.NewEnviron()
			for pair := range strings.SplitSeq(test.environ, " ") {
				if name, value, ok := strings.Cut(pair, "="); ok {
					e.Set(name, expand.Replace(value))
				}
			}
			before := e.List()
			d := &cgi.Dir{Path: root, Symlinks: test.links, Script: cgi.Script{Env: []string{"TOP=" + filepath.Dir(root)}}}
			var log strings.Builder
			resp, body, err := fetch(t, d, &gateway.Request{Environ: e, Stderr: &log})
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(e.List(), " "); got != strings.Join(before, " ") {
				t.Errorf("the request's environ was changed to %q", got)
			}
			if test.status == "" {
				if want := expand.Replace(test.want); body != want || log.Len() > 0 {
					t.Errorf("got %q, log %q; want %q", body, log.String(), want)
				}
				return
			}
			if !strings.HasPrefix(resp.Status, test.status+" ") || strings.Contains(body, root) || strings.Contains(body, "printf") {
				t.Errorf("got %s, %q; want %s", resp.Status, body, test.status)
			}
			if !strings.Contains(log.String(), ": cgi: ") || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("got the log %q; want one line", log.String())
			}
		})
	}
}

// TestDirLinked: a folder that is a link has two names.
func TestDirLinked(t *testing.T) {
	root := folderOfScripts(t)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{root, link} {
		e := util.EnvironFromMap(map[string]string{"SCRIPT_FILENAME": name + "/show"})
		resp, _, err := fetch(t, &cgi.Dir{Path: link}, &gateway.Request{Environ: e})
		if err != nil || resp.Status != "" {
			t.Errorf("%s: got %+v, %v; want the script's answer", name, resp, err)
		}
	}
}

func TestDirMissing(t *testing.T) {
	_, _, err := fetch(t, &cgi.Dir{Path: filepath.Join(t.TempDir(), "missing")}, request("GET", nil))
	failure(t, err, 502, "the folder of scripts cannot be read")
}

// TestDirFolder: where a script runs.
func TestDirFolder(t *testing.T) {
	root := folderOfScripts(t)
	path := filepath.Join(root, "sub", "where")
	writeScript(t, path, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; pwd -P", 0o755)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, chdir, dir, want string }{
		{"its own", "", "", filepath.Join(root, "sub")},
		{"FCGI_CHDIR", root, "", root},
		{"FCGI_CHDIR -", "-", "", here},
		{"FCGI_CHDIR relative", "sub", "", filepath.Join(root, "sub")},
		{"Script.Dir", "-", root, root},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := util.EnvironFromMap(map[string]string{"SCRIPT_FILENAME": path, "FCGI_CHDIR": test.chdir})
			d := &cgi.Dir{Path: root, Script: cgi.Script{Dir: test.dir}}
			if _, body, err := fetch(t, d, &gateway.Request{Environ: e}); body != test.want+"\n" || err != nil {
				t.Errorf("got %q, %v; want %q", body, err, test.want)
			}
		})
	}
}

// TestDirHead: an answer that no script made is a whole one.
func TestDirHead(t *testing.T) {
	resp, body, err := fetch(t, &cgi.Dir{Path: folderOfScripts(t)}, request("GET", nil))
	if err != nil || resp.Headers.Get("Content-Type") != "text/plain; charset=utf-8" || body != "This file must not be run.\n" {
		t.Errorf("got %v, %q, %v", resp.Headers, body, err)
	}
}

// TestDirSharesItsBound: MaxScripts is for the folder.
func TestDirSharesItsBound(t *testing.T) {
	root := folderOfScripts(t)
	writeScript(t, filepath.Join(root, "slow"), "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'; sleep 600", 0o755)
	d := &cgi.Dir{Path: root, Script: cgi.Script{MaxScripts: 1, MaxQueue: -1}}
	ask := func(name string) *gateway.Request {
		return &gateway.Request{Environ: util.EnvironFromMap(map[string]string{"PATH_INFO": name})}
	}
	resp, _ := begin(t, d, ask("/slow"))
	_, _, err := fetch(t, d, ask("/show"))
	failure(t, err, 503, "too many scripts are running")
	resp.Body.Close()
	if _, _, err := fetch(t, d, ask("/show")); err != nil {
		t.Error(err)
	}
}
