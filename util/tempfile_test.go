package util

import (
	"io"
	"os"
	"path/filepath"
	"testing"
)

func TestTempFile(t *testing.T) {
	dir := t.TempDir()
	f, err := CreateTempFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, "kept"); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	got := make([]byte, 4)
	if _, err := f.ReadAt(got, 0); string(got) != "kept" || err != nil {
		t.Errorf("read %q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if left, err := os.ReadDir(dir); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// If an open file cannot be removed, Close removes it.
func TestTempFileWithAName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := (&TempFile{File: f, name: name}).Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := os.Stat(name); !os.IsNotExist(err) {
		t.Errorf("after Close: %v; want no file", err)
	}
}

func TestTempFileFails(t *testing.T) {
	if f, err := CreateTempFile(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Errorf("got %v in a folder that is missing", f.Name())
	}
}
