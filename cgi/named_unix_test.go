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

// TestNamed runs scripts of two folders and a single script, and nothing beside it.
func TestNamed(t *testing.T) {
	t.Parallel()
	root := folderOfScripts(t)
	top := filepath.Dir(root)
	writeScript(t, filepath.Join(top, "other", "hidden"), "#!/bin/sh\n", 0o755)
	n := &cgi.Named{Paths: []string{root, filepath.Join(top, "other/show")}, Script: cgi.Script{Env: []string{"TOP=" + top}}}
	t.Cleanup(func() { n.Close() })
	for _, test := range []struct{ environ, want string }{
		{"SCRIPT_FILENAME=TOP/site/show SCRIPT_NAME=/x PATH_INFO=/y", "/x|/y|/site/show|"},
		{"SCRIPT_FILENAME=TOP/other/show SCRIPT_NAME=/x", "/x||/other/show|"},
		{"SCRIPT_FILENAME=TOP/other/show/a SCRIPT_NAME=/x/a", "/x|/a|/other/show|"},
		{"DOCUMENT_ROOT=TOP SCRIPT_NAME=/other/show/a/b", "/other/show|/a/b|/other/show|TOP/a/b"},
		{"DOCUMENT_ROOT=TOP/site/ SCRIPT_NAME=/sub/show", "/sub/show||/site/sub/show|"},
		{"DOCUMENT_ROOT=TOP/site/ SCRIPT_NAME=sub/show", "sub/show||/site/sub/show|"},
		{"DOCUMENT_ROOT=TOP DOCUMENT_URI=/site/show/a", "/site/show|/a|/site/show|TOP/a"},
		// links
		{"SCRIPT_FILENAME=TOP/site/outside SCRIPT_NAME=/x", "/x||/site/outside|"},
		// not among them
		{"SCRIPT_FILENAME=TOP/other/hidden SCRIPT_NAME=/x", "403"},
		{"SCRIPT_FILENAME=TOP/other/show.bak SCRIPT_NAME=/x", "403"},
		{"SCRIPT_FILENAME=TOP/other SCRIPT_NAME=/x", "403"},
		{"SCRIPT_FILENAME=/bin/sh SCRIPT_NAME=/x", "403"},
		{"SCRIPT_FILENAME=TOP/site/../other/hidden SCRIPT_NAME=/x", "404"},
		{"SCRIPT_FILENAME=/bin/sh DOCUMENT_ROOT=TOP/site SCRIPT_NAME=/show", "403"},
		{"SCRIPT_NAME=/show", "403"},
		{"SCRIPT_FILENAME=show SCRIPT_NAME=/show", "403"},
		// in a folder that is among them
		{"SCRIPT_FILENAME=TOP/site/nothing SCRIPT_NAME=/x", "404"},
		{"SCRIPT_FILENAME=TOP/site/secret SCRIPT_NAME=/x", "403"},
		{"SCRIPT_FILENAME=TOP/site/.git/hook SCRIPT_NAME=/x", "404"},
	} {
		e := util.EnvironFromList(append(strings.Fields(strings.ReplaceAll(test.environ, "TOP", top)), "REQUEST_METHOD=GET"))
		log := new(strings.Builder)
		got := askBackend(t, n, &gateway.Request{Environ: e, Stderr: log})
		if want := strings.ReplaceAll(test.want, "TOP", top); got != want {
			t.Errorf("%s: got %q; want %q\n%s", test.environ, got, want, log)
		}
	}
}

// TestNamedLogsThePath: the log has the path that the web server named, and what it may name.
func TestNamedLogsThePath(t *testing.T) {
	t.Parallel()
	n := &cgi.Named{Paths: []string{"/usr/lib/cgi-bin"}}
	for environ, want := range map[string]string{
		"SCRIPT_FILENAME=/bin/sh": `"/bin/sh" is not among the scripts that may run: ["/usr/lib/cgi-bin"]`,
		"SCRIPT_NAME=/sh":         `"/sh" names no script: the web server must send SCRIPT_FILENAME, or DOCUMENT_ROOT and SCRIPT_NAME`,
	} {
		log := new(strings.Builder)
		askBackend(t, n, &gateway.Request{Environ: util.EnvironFromList([]string{environ}), Stderr: log})
		if !strings.Contains(log.String(), want) {
			t.Errorf("%s: got the log %q; want %q in it", environ, log, want)
		}
	}
}

// TestNamedScriptAppears: a script may be made after the first request, and removed.
func TestNamedScriptAppears(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "show")
	n := &cgi.Named{Paths: []string{path}}
	t.Cleanup(func() { n.Close() })
	r := &gateway.Request{Environ: util.EnvironFromList([]string{"SCRIPT_FILENAME=" + path}), Stderr: io.Discard}
	if got := askBackend(t, n, r); got != "404" {
		t.Errorf("got %q; want 404", got)
	}
	writeScript(t, path, "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhere'", 0o755)
	if got := askBackend(t, n, r); got != "here" {
		t.Errorf("got %q; want the script that has appeared", got)
	}
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	if got := askBackend(t, n, r); got != "404" && got != "502" {
		t.Errorf("got %q; want 404 or 502", got)
	}
}
