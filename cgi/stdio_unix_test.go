//go:build unix

package cgi

import (
	"io"
	"os"
	"testing"
)

// TestDuplicate: the copy is closed in child processes and is none of descriptors 0 to 2.
func TestDuplicate(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	dup, err := duplicate(int(w.Fd()), w)
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
	if _, err := duplicate(1<<20, w); err == nil {
		t.Errorf("got %v; want an error", err)
	}
}
