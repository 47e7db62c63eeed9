package cgi_test

import (
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/cgi"
)

// TestDirNames: the name of a script is bytes, of no encoding. macOS refuses to make such a file.
func TestDirNames(t *testing.T) {
	dir := t.TempDir()
	const name = "\xe9t\xe9.cgi"
	writeScript(t, filepath.Join(dir, name), saysItsName, 0o755)
	if status, body, log := askFor(t, &cgi.Dir{Path: dir}, "/"+name+"/a"); status != "" || body != name || log != "" {
		t.Errorf("got %s %q, log %q; want the script's answer", status, body, log)
	}
}
