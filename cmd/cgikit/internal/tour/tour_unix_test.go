//go:build unix

package tour

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/demo"
)

// An error of Start is one line, and no folder is left.
func TestStartFailsCleanly(t *testing.T) {
	// longer than the longest path of a unix socket
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	setTempDir(t, dir)
	if _, err := Start(Config{App: demo.App(), CGI: script(t), Log: slog.New(slog.DiscardHandler)}); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("got error %q; want one line", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("got %v left, error %v", left, err)
	}
	setTempDir(t, filepath.Join(dir, "nowhere"))
	if _, err := Start(Config{App: demo.App(), CGI: script(t)}); err == nil {
		t.Error("got no error without a temporary folder")
	}
}
