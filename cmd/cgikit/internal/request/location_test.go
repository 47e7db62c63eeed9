package request

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// newTarget parses a target.
func newTarget(t *testing.T, name string) target.Target {
	t.Helper()
	parsed, err := target.Parse(name, "fastcgi", "scgi", "cgi", "http")
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func pointer(s string) *string { return &s }

// TestLocate: which part of a path is the script.
func TestLocate(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(root, "bin", "hello"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		change     func(*Request)
		want       string // target, script, info and file below the root
	}{
		{"nothing", "", nil, "/||/|/"},
		{"whole path", "/a/b?c", nil, "/a/b?c||/a/b|/a/b"},
		{"php", "/x.php", nil, "/x.php|/x.php||/x.php"},
		{"php with more", "/a/x.php/b.php?c", nil, "/a/x.php/b.php?c|/a/x.php|/b.php|/a/x.php"},
		{"no php", "/x.phpx/y", nil, "/x.phpx/y||/x.phpx/y|/x.phpx/y"},
		{"file", "/bin/hello/more", nil, "/bin/hello/more|/bin/hello|/more|/bin/hello"},
		{"folder", "/bin", nil, "/bin||/bin|/bin"},
		{"encoded", "/%41%2fb c", nil, "/%41%2fb%20c||/A/b c|/A/b c"},
		{"script name", "/app/x", func(r *Request) { r.ScriptName = pointer("/app") }, "/app/x|/app|/x|/app"},
		{"script name elsewhere", "/x", func(r *Request) { r.ScriptName = pointer("/app") }, "/x|/app|/x|/app"},
		{"script name alone", "", func(r *Request) { r.ScriptName = pointer("/a b%") }, "/a%20b%25|/a b%||/a b%"},
		{"path info alone", "", func(r *Request) { r.PathInfo = pointer("/i") }, "/i||/i|/i"},
		{"path info", "/app/i", func(r *Request) { r.PathInfo = pointer("/i") }, "/app/i|/app|/i|/app"},
		{"both", "/x", func(r *Request) { r.ScriptName, r.PathInfo = pointer(""), pointer("/p") }, "/x||/p|/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Request{Target: newTarget(t, "fastcgi://127.0.0.1:1"), Path: tt.path}
			r.Root = root
			if tt.change != nil {
				tt.change(r)
			}
			l, err := r.locate("")
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join([]string{l.target, l.script, l.info, strings.TrimPrefix(l.file, root)}, "|")
			if got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}

func TestLocateErrors(t *testing.T) {
	for path, hint := range map[string]string{
		"x": "write /x", "http://h/p": "/p", "/%4": "write % as %25", "/%00": "write % as %25",
	} {
		r := &Request{Target: newTarget(t, "fastcgi://127.0.0.1:1"), Path: path}
		err := r.check()
		if err == nil {
			_, err = r.locate("")
		}
		if cli.Status(err) != cli.StatusUsage || !strings.Contains(cli.Hint(err), hint) {
			t.Errorf("%s: got %v, hint %q; want %q", path, err, cli.Hint(err), hint)
		}
	}
}
