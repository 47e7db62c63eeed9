package webserver

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Dir returns a new folder for sockets and files that a test shares with the workers of a web
// server. Every user may enter it, whereas t.TempDir is closed to all but its owner. It is removed
// when the test ends. Its path is short, since the path of a unix socket may have 104 bytes at
// most.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cgikit-")
	if err != nil {
		t.Fatalf("webserver: %v", err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Errorf("webserver: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatalf("webserver: %v", err)
	}
	return dir
}

// WriteProgram writes text to the file at path, and makes the file executable for all users. It
// keeps the process from forking in the meantime: a child that inherits the open file makes the
// system refuse to execute the program, with "text file busy".
func WriteProgram(t testing.TB, path, text string) {
	t.Helper()
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatalf("webserver: %v", err)
	}
}

// bringProgram makes a hard link to the program at from: the server's workers may have no access to
// its own folder. It copies the program if no link can be made, or the workers cannot execute it.
func bringProgram(to, from string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	file, err := filepath.EvalSymlinks(from)
	if err != nil {
		return fmt.Errorf("program %q: %w", from, err)
	}
	info, err := os.Stat(file)
	if err == nil && info.Mode()&0o005 == 0o005 && os.Link(file, to) == nil {
		return nil
	}
	return copyProgram(to, file)
}

func copyProgram(to, from string) error {
	syscall.ForkLock.RLock() // as in WriteProgram
	defer syscall.ForkLock.RUnlock()
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return fmt.Errorf("copying %q: %w", from, err)
	}
	return out.Close()
}
