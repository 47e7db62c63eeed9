package exchange_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// descriptors returns how many descriptors this process has for files in the tree at top.
func descriptors(t *testing.T, top string) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, e := range entries {
		if target, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && strings.HasPrefix(target, top) {
			n++
		}
	}
	return n
}

// TestDescriptors: a Root keeps one descriptor, whatever paths were resolved.
func TestDescriptors(t *testing.T) {
	top := tree(t, "r1/page", "r1/sub/page", "r1/to -> sub", "r1/up -> ../r1/sub/page", "r1/abs -> TOP/r1/to/page", "r1/loop -> loop",
		"r1/dangling -> sub/nothing", "r2/page", "current -> r1")
	must(t, syscall.Mkfifo(filepath.Join(top, "r1/pipe"), 0o644))
	r := &exchange.Root{Path: filepath.Join(top, "current"), Symlinks: exchange.SymlinksAll}
	for _, path := range []string{
		"", "/page", "/sub/page", "/sub", "/to/page", "/up", "/abs", "/loop", "/dangling", "/pipe", "/nothing", "/sub/nothing", "/page/x", "//",
		"/sub/../page",
	} {
		_ = r.Use(func(f *exchange.Folder) error {
			_, err := f.Find(path)
			return err
		})
		text(t, r, path)
		if got := descriptors(t, top); got != 1 {
			t.Fatalf("%s: %d descriptors are open; want 1", path, got)
		}
	}
	relink(t, top, "r2")
	if text(t, r, "/nothing"); descriptors(t, top) != 1 {
		t.Errorf("%d descriptors are open after the move; want 1", descriptors(t, top))
	}
	must(t, os.Remove(filepath.Join(top, "current")))
	if text(t, r, "/nothing"); descriptors(t, top) != 0 {
		t.Errorf("%d descriptors are open without a root; want none", descriptors(t, top))
	}
	relink(t, top, "r2")
	must(t, r.Use(func(f *exchange.Folder) error {
		r.Close()
		_, err := f.Find("/page")
		return err
	}))
	if descriptors(t, top) != 0 {
		t.Errorf("%d descriptors are open after Close; want none", descriptors(t, top))
	}
}

// TestNamesAreBytes: macOS refuses to make a file whose name is not UTF-8.
func TestNamesAreBytes(t *testing.T) {
	top := tree(t, "\xff\xfe", "to -> \xff\xfe")
	for _, path := range []string{"/\xff\xfe", "/to"} {
		if got := text(t, &exchange.Root{Path: top}, path); got != "\xff\xfe" {
			t.Errorf("%q: got %q", path, got)
		}
	}
}

// TestPermissions: paths through a folder that cannot be listed are resolved, and a forbidden file
// differs from a missing one.
func TestPermissions(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give up its rights for a while")
	}
	top := tree(t, "site/open/page", "site/closed/page", "site/private")
	for dir := top; dir != "/"; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		must(t, err)
		must(t, os.Chmod(dir, info.Mode()|0o111))
	}
	for name, mode := range map[string]os.FileMode{"site": 0o711, "site/open": 0o711, "site/closed": 0o700, "site/private": 0o600} {
		must(t, os.Chmod(filepath.Join(top, name), mode))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	must(t, syscall.Setfsuid(otherUser))
	defer syscall.Setfsuid(0)
	r := &exchange.Root{Path: filepath.Join(top, "site")}
	for path, want := range map[string]string{
		"/open/page":   "site/open/page",
		"/closed/page": "open " + top + "/site/closed/page: permission denied",
		"/private":     "open " + top + "/site/private: permission denied",
	} {
		if got := text(t, r, path); got != want {
			t.Errorf("%s: got %q; want %q", path, got, want)
		}
	}
}

// TestOpenExchanged: while a name is alternately a file and a link, Open opens the file and nothing
// else.
func TestOpenExchanged(t *testing.T) {
	top := tree(t, "secret", "site/page", "other -> ../secret")
	var stop atomic.Bool
	var exchanging sync.WaitGroup
	exchanging.Go(func() {
		for !stop.Load() {
			if err := unix.Renameat2(unix.AT_FDCWD, top+"/site/page", unix.AT_FDCWD, top+"/other", unix.RENAME_EXCHANGE); err != nil {
				t.Error(err)
				return
			}
		}
	})
	defer exchanging.Wait()
	defer stop.Store(true)
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		got := make(map[string]int)
		// a busy machine may run nothing else for a while
		for late, i := time.Now().Add(time.Minute), 0; i < 5000 || (got["found"] == 0 || got["refused"] == 0) && time.Now().Before(late); i++ {
			got[outcome(use(filepath.Join(top, "site"), exchange.SymlinksNone, func(f *exchange.Folder) error {
				file, err := f.Open("/page")
				if err != nil {
					return err
				}
				defer file.Close()
				if text, _ := io.ReadAll(file); string(text) != "site/page" {
					t.Errorf("got %q", text)
				}
				return nil
			}))]++
		}
		if got["found"] == 0 || got["refused"] == 0 || got["missing"] > 0 {
			t.Errorf("got %v; want a file that is found, and a link that is refused", got)
		}
	})
}

// TestRootConcurrently: many requests, while the root alternates between two releases. Each request
// sees only one of them, and in the end only the descriptor of the last is open.
func TestRootConcurrently(t *testing.T) {
	top := tree(t, "r1/page", "r1/only1", "r2/page", "r2/only2", "current -> r1")
	r := &exchange.Root{Path: filepath.Join(top, "current")}
	var requests sync.WaitGroup
	for range 4 {
		requests.Go(func() {
			for range 200 {
				_ = r.Use(func(f *exchange.Folder) error {
					// the missing name makes the Root check its path again
					_, first := f.Find("/only1")
					_, second := f.Find("/only2")
					if outcome(first)+outcome(second) != "foundmissing" && outcome(first)+outcome(second) != "missingfound" {
						t.Errorf("got %v and %v; want one release", first, second)
					}
					return errors.Join(first, second)
				})
			}
		})
	}
	for i := range 100 {
		relink(t, top, "r"+string(rune('1'+i%2)))
	}
	requests.Wait()
	if got := text(t, r, "/missing"); got != "missing" || descriptors(t, top) != 1 {
		t.Errorf("got %q, %d descriptors; want one", got, descriptors(t, top))
	}
}
