//go:build unix

package host

import (
	"errors"
	"os"
	"testing"
)

// TestSpoolFile: nobody else can read what a client has sent, and nothing stays when the process is killed.
func TestSpoolFile(t *testing.T) {
	dir := t.TempDir()
	f, err := createSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer removeSpool(f)
	info, err := f.Stat()
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, %v; want -rw-------", info.Mode(), err)
	}
	if _, err := os.Stat(f.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v; want a file without a name", err)
	}
}
