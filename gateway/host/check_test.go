package host_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/host"
)

func TestCheck(t *testing.T) {
	root := site(t, "file")
	b := gateway.Local(demo.App())
	good := host.Handler{
		Backend: b, Root: root, SplitPath: []string{".php", ".PHP5"}, Index: []string{"index.php", "index.html"}, Fallback: "/a/index.php",
		Env: []string{"A=b=c", "_=", "HTTPS=on"}, Offload: map[string]string{"/x": root},
	}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want    string
		handler *host.Handler
	}{
		{"Backend: is nil", &host.Handler{}},
		{"SplitPath: needs Root", &host.Handler{Backend: b, SplitPath: php}},
		{"needs SplitPath", &host.Handler{Backend: b, Root: root, Index: []string{"index.php"}}},
		{"needs SplitPath", &host.Handler{Backend: b, Root: root, Fallback: "/index.php"}},
		{"Next: needs Root", &host.Handler{Backend: b, Next: demo.App()}},
		{"not an absolute path", &host.Handler{Backend: b, Root: "www"}},
		{"no such file", &host.Handler{Backend: b, Root: filepath.Join(root, "missing")}},
		{"is not a folder", &host.Handler{Backend: b, Root: filepath.Join(root, "file")}},
		{`SplitPath: "php"`, &host.Handler{Backend: b, Root: root, SplitPath: []string{"php"}}},
		{`SplitPath: "."`, &host.Handler{Backend: b, Root: root, SplitPath: []string{"."}}},
		// CVE-2026-45135
		{"SplitPath", &host.Handler{Backend: b, Root: root, SplitPath: []string{".ｐhp"}}},
		{"SplitPath", &host.Handler{Backend: b, Root: root, SplitPath: []string{".p/p"}}},
		{`Index: "a/b.php"`, &host.Handler{Backend: b, Root: root, SplitPath: php, Index: []string{"a/b.php"}}},
		{`Index: ".."`, &host.Handler{Backend: b, Root: root, SplitPath: php, Index: []string{".."}}},
		{`Index: ""`, &host.Handler{Backend: b, Root: root, SplitPath: php, Index: []string{""}}},
		{"Fallback", &host.Handler{Backend: b, Root: root, SplitPath: php, Fallback: "index.php"}},
		{"Fallback", &host.Handler{Backend: b, Root: root, SplitPath: php, Fallback: "/../index.php"}},
		{"there is no Next", &host.Handler{Backend: b, Root: root, SplitPath: php, Fallback: "/index.html"}},
		{`Deny: "a/b"`, &host.Handler{Backend: b, Deny: []string{"a/b"}}},
		{`Deny: "/[a"`, &host.Handler{Backend: b, Deny: []string{"/[a"}}},
		{`Deny: "/a/../b"`, &host.Handler{Backend: b, Deny: []string{"/a/../b"}}},
		{`Deny: ""`, &host.Handler{Backend: b, Deny: []string{""}}},
		{"not NAME=value", &host.Handler{Backend: b, Env: []string{"A"}}},
		{"not NAME=value", &host.Handler{Backend: b, Env: []string{"=b"}}},
		{"contains a NUL", &host.Handler{Backend: b, Env: []string{"A=b\x00c"}}},
		{"SCRIPT_FILENAME describes", &host.Handler{Backend: b, Root: root, SplitPath: php, Env: []string{"SCRIPT_FILENAME=/x.php"}}},
		{"ResolveRoot: needs Root", &host.Handler{Backend: b, ResolveRoot: true}},
		{"no BackendRoot", &host.Handler{Backend: b, Root: root, BackendRoot: "/srv", ResolveRoot: true}},
		{"absolute paths", &host.Handler{Backend: b, Offload: map[string]string{"x": root}}},
		{"absolute paths", &host.Handler{Backend: b, Offload: map[string]string{"/x": "files"}}},
		{"no such file", &host.Handler{Backend: b, Offload: map[string]string{"/x": filepath.Join(root, "missing")}}},
	} {
		if err := c.handler.Check(); err == nil || !strings.HasPrefix(err.Error(), "host: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v; want %q", err, c.want)
		}
	}
}

// TestCVE_2025_65082: a setting cannot replace a variable that the server computes.
func TestCVE_2025_65082(t *testing.T) {
	for _, name := range []string{
		"REQUEST_METHOD", "REQUEST_URI", "QUERY_STRING", "SCRIPT_NAME", "PATH_INFO", "PATH_TRANSLATED", "CONTENT_LENGTH", "CONTENT_TYPE",
		"REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PROTOCOL", "GATEWAY_INTERFACE", "REDIRECT_STATUS", "HTTP_PROXY",
		"HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_LENGTH", "DOCUMENT_URI",
	} {
		h := &host.Handler{Backend: says(""), Env: []string{name + "=x"}}
		if err := h.Check(); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v; want it refused", name, err)
		}
	}
}
