package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/gateway/host"
)

// TestResolveNames: the name of a script is bytes, of no encoding. macOS refuses to make such a file.
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
