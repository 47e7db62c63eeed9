package main

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// openRoot makes a folder with a file in it, and a file beside it.
func openRoot(t *testing.T) *os.Root {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "www"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"secret.txt", "www/page.txt"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(filepath.Join(dir, "www"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

func TestFolderKeepsToItself(t *testing.T) {
	d := folder{openRoot(t)}
	for _, name := range []string{"/nothing", "/page.txt/x", "/../secret.txt", "/..", "/a/../../secret.txt", "/a\x00b", "//"} {
		f, err := d.Open(name)
		if name == "//" && err == nil {
			f.Close()
			continue
		}
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: got error %v; want %v", name, err, fs.ErrNotExist)
		}
	}
}

// Only an *os.File itself goes by sendfile(2).
func TestFolderHasRealFiles(t *testing.T) {
	f, err := folder{openRoot(t)}.Open("/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, ok := f.(*os.File); !ok {
		t.Errorf("got a %T; want an *os.File", f)
	}
}

func TestFolderOverPlainHTTP(t *testing.T) {
	w := httptest.NewRecorder()
	serveFolder(openRoot(t)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/page.txt", nil))
	if body, _ := io.ReadAll(w.Body); string(body) != "www/page.txt" {
		t.Errorf("got status %d and %q", w.Code, body)
	}
}

// Too many open files is no 404.
func TestIsShortage(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "open", Path: "x", Err: syscall.EMFILE}: true,
		&fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}: false,
		errors.New("path escapes from parent"):                    false,
	} {
		if got := isShortage(err); got != want {
			t.Errorf("%v: got %v; want %v", err, got, want)
		}
	}
}
