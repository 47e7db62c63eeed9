package fastcgi

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
)

func TestSpill(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	s := spill{}
	defer s.close()
	write := func(text string, want error) {
		t.Helper()
		if err := s.write([]byte(text), 8); fmt.Sprint(err) != fmt.Sprint(want) {
			t.Errorf("writing %q: got %v; want %v", text, err, want)
		}
	}
	read := func(want string) {
		t.Helper()
		p := make([]byte, len(want))
		if n, err := s.read(p); string(p[:n]) != want || err != nil {
			t.Errorf("read %q, %v; want %q", p[:n], err, want)
		}
	}
	for range 3 { // a file that was read to its end begins anew
		write("abcd", nil)
		read("ab")
		for range 5 { // and one that never is goes round
			write("efabcd", nil)
			write("e", &gateway.BodyTooLargeError{Limit: 8})
			read("cd")
			read("ef")
			read("ab")
		}
		read("cd")
	}
	if info, err := s.file.Stat(); err != nil || info.Size() != 8 {
		t.Errorf("the file has %d bytes, %v; want 8", info.Size(), err)
	}
}

// TestSpillIsPrivate: nobody else sees a body, while it is there or after.
func TestSpillIsPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("windows keeps the name of an open file, and has other permissions")
	}
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s := spill{}
	if err := s.write([]byte("secret"), 100); err != nil {
		t.Fatal(err)
	}
	if names, err := os.ReadDir(dir); len(names) > 0 || err != nil {
		t.Errorf("the file has a name: %v, %v", names, err)
	}
	if info, err := s.file.Stat(); err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, %v; want 0600", info.Mode(), err)
	}
	file := s.file
	s.close()
	if _, err := file.Stat(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("the file is still open: %v", err)
	}
	s.close()
	if s.size() != 0 {
		t.Errorf("%d bytes are left", s.size())
	}
}

func TestSpillCannotBeMade(t *testing.T) {
	t.Setenv("TMPDIR", filepath.Join(t.TempDir(), "none"))
	s := spill{}
	if err := s.write([]byte("x"), 100); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "fastcgi: keeping a request body: ") {
		t.Errorf("got %v", err)
	}
	s.close()
}
