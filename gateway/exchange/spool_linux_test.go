package exchange_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// openFiles counts the file descriptors of this process whose file was in dir.
func openFiles(t testing.TB, dir string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(target, dir+"/") {
			n++
		}
	}
	return n
}

// TestSpoolFile: the file is open only while it has bytes, other users cannot read it, and it has
// no name.
func TestSpoolFile(t *testing.T) {
	dir := t.TempDir()
	s := &exchange.Spool{MemoryBytes: -1, Dir: dir}
	defer s.Close()
	s.Write([]byte("secret"))
	if n := openFiles(t, dir); n != 1 {
		t.Errorf("got %d open files; want 1", n)
	}
	if names, err := os.ReadDir(dir); len(names) > 0 || err != nil {
		t.Errorf("got %v, %v; want no name", names, err)
	}
	s.Read(make([]byte, 10))
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("got %d open files when all was read; want none", n)
	}
	s.Write([]byte("secret"))
	s.Close()
	if n := openFiles(t, dir); n != 0 {
		t.Errorf("got %d open files after Close; want none", n)
	}
}

// TestSpoolDiskFull: the error has the system's reason and the folder, and bytes written before can
// be read.
func TestSpoolDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("mounting a small file system takes the rights of root: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	s := &exchange.Spool{MemoryBytes: -1, Dir: dir}
	defer s.Close()
	n, err := s.Write(pattern(1 << 20))
	broken := (*exchange.SpoolError)(nil)
	if !errors.As(err, &broken) || !errors.Is(err, syscall.ENOSPC) || broken.Dir != dir || n != 64<<10 {
		t.Errorf("got %d, %v; want 64 KiB and ENOSPC", n, err)
	}
	if path := (*fs.PathError)(nil); !errors.As(err, &path) || filepath.Dir(path.Path) != dir {
		t.Errorf("got %v; want the file's path", err)
	}
	got := make([]byte, 100)
	if n, err := s.Read(got); n != 100 || err != nil || !bytes.Equal(got, pattern(100)) {
		t.Errorf("got %d, %v; want what was written before", n, err)
	}
}

// TestSpoolReadOnly: no file can be created in a read-only file system.
func TestSpoolReadOnly(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("mounting a file system takes the rights of root: %v", err)
	}
	defer syscall.Unmount(dir, 0)
	s := &exchange.Spool{MemoryBytes: -1, Dir: dir}
	defer s.Close()
	if n, err := s.Write([]byte("x")); n != 0 || !errors.Is(err, syscall.EROFS) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %d, %v; want EROFS and the folder", n, err)
	}
}
