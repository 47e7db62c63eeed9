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
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/util"
)

// saysItsName is a script.
const saysItsName = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s' \"${0##*/}\""

// askFor runs the script at a path below the folder.
func askFor(t *testing.T, d *cgi.Dir, path string) (status, body, log string) {
	t.Helper()
	stderr := &strings.Builder{}
	e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "PATH_INFO": path})
	resp, body, err := fetch(t, d, &gateway.Request{Environ: e, Stderr: stderr})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Status, body, stderr.String()
}

// TestDirOwners: Debian's gitweb.cgi is a link of root's out of /usr/lib/cgi-bin, which another
// user runs. A link that another user has planted leads only to what is that user's own.
func TestDirOwners(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const siteUser, runAs = 54321, 65534
	top := webserver.Dir(t)
	for _, dir := range []string{"usr/lib/cgi-bin", "usr/share/gitweb", "home"} {
		if err := os.MkdirAll(filepath.Join(top, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"usr/share/gitweb/gitweb.cgi", "usr/share/secret", "home/own.cgi"} {
		writeScript(t, filepath.Join(top, name), saysItsName, 0o755)
	}
	bin := filepath.Join(top, "usr/lib/cgi-bin")
	for name, target := range map[string]string{
		"gitweb.cgi": "../../share/gitweb/gitweb.cgi", "planted.cgi": "../../share/secret", "own.cgi": "../../../home/own.cgi",
	} {
		if err := os.Symlink(target, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{filepath.Join(top, "home/own.cgi"), filepath.Join(bin, "own.cgi"), filepath.Join(bin, "planted.cgi")} {
		if err := os.Lchown(path, siteUser, siteUser); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		path   string
		links  exchange.Symlinks
		status string
		body   string
		log    string
	}{
		{path: "/gitweb.cgi", body: "gitweb.cgi"},
		{path: "/own.cgi", body: "own.cgi"},
		{path: "/planted.cgi", status: "403 Forbidden", body: "This file must not be run.\n",
			log: `the symbolic link "` + bin + `/planted.cgi" of user 54321 is not followed: it leads to "` + top + `/usr/share/secret" of user 0`},
		{path: "/planted.cgi", links: exchange.SymlinksAll, body: "planted.cgi"},
		{path: "/gitweb.cgi", links: exchange.SymlinksNone, status: "403 Forbidden", body: "This file must not be run.\n",
			log: `/gitweb.cgi" of user 0 is not followed: no symbolic link is followed here`},
	} {
		d := &cgi.Dir{Path: bin, Symlinks: test.links, Script: cgi.Script{RunAs: &cgi.Credential{UID: runAs, GID: runAs}}}
		status, body, log := askFor(t, d, test.path)
		if status != test.status || body != test.body || !strings.Contains(log, test.log) || test.log == "" && log != "" {
			t.Errorf("%s, %s: got %s %q, log %q; want %s %q, %q", test.path, test.links, status, body, log, test.status, test.body, test.log)
		}
	}
}

// TestDirMoves: the folder is a link that is turned to the next release.
func TestDirMoves(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"r1/show", "r2/show"} {
		if err := os.MkdirAll(filepath.Join(top, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		writeScript(t, filepath.Join(top, name), "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s %s' "+name+" \"$SCRIPT_FILENAME\"", 0o755)
	}
	writeScript(t, filepath.Join(top, "r2/new"), saysItsName, 0o755)
	current := filepath.Join(top, "current")
	turn := func(release string) {
		t.Helper()
		if err := os.Symlink(release, current+".new"); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(current+".new", current); err != nil {
			t.Fatal(err)
		}
	}
	turn("r1")
	d := &cgi.Dir{Path: current, Symlinks: exchange.SymlinksNone}
	if _, body, _ := askFor(t, d, "/show"); body != "r1/show "+current+"/show" {
		t.Errorf("got %q", body)
	}
	turn("r2")
	if _, body, log := askFor(t, d, "/new"); body != "new" {
		t.Errorf("a script that the last release did not have: got %q, %s", body, log)
	}
	if _, body, _ := askFor(t, d, "/show"); body != "r2/show "+current+"/show" {
		t.Errorf("got %q", body)
	}
	turn("r1")
	name := filepath.Join(top, "r1/show")
	e := util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET", "SCRIPT_FILENAME": name})
	if resp, body, err := fetch(t, d, &gateway.Request{Environ: e}); err != nil || !strings.HasPrefix(body, "r1/show ") {
		t.Errorf("the real name in the next release: got %+v, %q, %v", resp, body, err)
	}
}
