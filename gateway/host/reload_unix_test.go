//go:build unix

package host_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway/host"
)

// TestHandlerReload: the error of Reload has a line for each folder that cannot be opened.
func TestHandlerReload(t *testing.T) {
	dir := t.TempDir()
	root, offload := filepath.Join(dir, "root"), filepath.Join(dir, "offload")
	if err := errors.Join(os.Mkdir(root, 0o755), os.Mkdir(offload, 0o755)); err != nil {
		t.Fatal(err)
	}
	h := &host.Handler{Backend: &cgi.Script{Path: "/bin/true"}, Root: root, Offload: map[string]string{"/x": offload}}
	if err := h.Reload(); err != nil {
		t.Error(err)
	}
	if err := errors.Join(os.Remove(root), os.Remove(offload)); err != nil {
		t.Fatal(err)
	}
	err := h.Reload()
	if err == nil || len(strings.Split(err.Error(), "\n")) != 2 || !strings.Contains(err.Error(), root) || !strings.Contains(err.Error(), offload) {
		t.Errorf("got %v; want both folders", err)
	}
}
