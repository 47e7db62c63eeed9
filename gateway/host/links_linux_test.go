package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/host"
)

// TestResolveNames: the name of a script is bytes without an encoding. macOS refuses to create such
// a file.
func TestResolveNames(t *testing.T) {
	root := site(t)
	for _, name := range []string{"\xe9t\xe9.php", "\xe9t\xe9.css"} {
		if err := os.WriteFile(filepath.Join(root, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s := host.Scripts{Root: root, SplitPath: php}
	if got, err := s.Resolve("/\xe9t\xe9.php/x"); got.Name != "/\xe9t\xe9.php" || got.PathInfo != "/x" || err != nil {
		t.Errorf("got %+v, %v; want the script", got, err)
	}
	if got, err := s.Resolve("/\xe9t\xe9.css"); !errors.Is(err, host.ErrNotScript) {
		t.Errorf("got %+v, %v; want ErrNotScript", got, err)
	}
}

// TestOffloadNames: X-Accel-Redirect encodes a byte that is not UTF-8, X-Sendfile does not.
func TestOffloadNames(t *testing.T) {
	root := site(t)
	if err := os.WriteFile(filepath.Join(root, "\xe9t\xe9"), []byte("summer"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{
		"X-Accel-Redirect: /protected/%e9t%E9", "X-Accel-Redirect: /protected/\xe9t\xe9", "X-Sendfile: " + root + "/\xe9t\xe9",
	} {
		h := handler(says("Content-Type: a/b\n" + field + "\n\n"))
		h.Offload = map[string]string{"/protected": root}
		get(t, h, "/").want(t, 200, "summer")
	}
}

// TestFilesNames: a file is found and listed by the bytes of its name.
func TestFilesNames(t *testing.T) {
	root := site(t)
	if err := os.WriteFile(filepath.Join(root, "\xe9t\xe9"), []byte("summer"), 0o644); err != nil {
		t.Fatal(err)
	}
	get(t, files(root), "/%e9t%E9").want(t, 200, "summer")
	if a := get(t, files(root), "/"); !strings.Contains(a.body, `<a href="%E9t%E9">`) {
		t.Errorf("got %s", a.body)
	}
}
