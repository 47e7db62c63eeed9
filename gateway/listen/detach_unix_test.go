//go:build unix

package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// TestDetach: the socket serves on by a copy of the descriptor, and Close removes its file.
func TestDetach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	l, err := ListenFor("scgi", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file, err := l.(*socketFile).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := l.(*socketFile).Detach(); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: got %v; want %v", err, net.ErrClosed)
	}
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("the socket does not listen: %v", err)
	}
	conn.Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Close: got %v; want no file", err)
	}
}
