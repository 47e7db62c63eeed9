//go:build unix

package cgi

import (
	"errors"
	"io"
	"os"
	"testing"
)

// TestSpoolFile: nobody else can read what a client has sent, and nothing stays when the process is killed.
func TestSpoolFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	f, err := createSpool()
	if err != nil {
		t.Fatal(err)
	}
	defer removeSpool(f)
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("got mode %v; want -rw-------", info.Mode())
	}
	if _, err := os.Stat(f.Name()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v; want a file without a name", err)
	}
	if entries, err := os.ReadDir(os.TempDir()); len(entries) > 0 || err != nil {
		t.Errorf("got %v, %v; want an empty folder", entries, err)
	}
}

// TestClaim: the copy is closed in child processes and is none of descriptors 0 to 2.
func TestClaim(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dup, err := claim(int(w.Fd()), w)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if dup.Fd() < 3 {
		t.Errorf("got descriptor %d; want 3 or more", dup.Fd())
	}
	if _, err := dup.WriteString("x"); err != nil {
		t.Error(err)
	}
	dup.Close()
	if got, err := io.ReadAll(r); string(got) != "x" || err != nil {
		t.Errorf("got %q, %v; want x", got, err)
	}
	if _, err := claim(1<<20, w); err == nil {
		t.Errorf("got %v; want an error", err)
	}
}
