//go:build unix

package util

import (
	"errors"
	"os"
	"testing"
)

// No file remains after the process is killed.
func TestTempFileHasNoName(t *testing.T) {
	f, err := CreateTempFile(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := os.Stat(f.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v; want a file without a name", err)
	}
}
