//go:build unix

package exchange_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// tree makes the files of a site in a new folder and returns its path, which has no link in it. A
// name that ends in a slash is a folder, "name -> target" a link; "TOP" in a target is the tree's
// own path. A file has its own name as its text.
func tree(t testing.TB, names ...string) string {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		name, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(top, name)
		must(t, os.MkdirAll(filepath.Dir(path), 0o755))
		switch {
		case isLink:
			must(t, os.Symlink(strings.ReplaceAll(target, "TOP", top), path))
		case strings.HasSuffix(name, "/"):
			must(t, os.MkdirAll(path, 0o755))
		default:
			must(t, os.WriteFile(path, []byte(name), 0o644))
		}
	}
	return top
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eachWay runs a test with the nodes of this system, and with those of systems without O_PATH.
func eachWay(t *testing.T, test func(t *testing.T, use func(path string, s exchange.Symlinks, do func(*exchange.Folder) error) error)) {
	t.Run("system", func(t *testing.T) {
		test(t, func(path string, s exchange.Symlinks, do func(*exchange.Folder) error) error {
			return (&exchange.Root{Path: path, Symlinks: s}).Use(do)
		})
	})
	t.Run("by path", func(t *testing.T) {
		test(t, func(path string, s exchange.Symlinks, do func(*exchange.Folder) error) error {
			f, err := exchange.FolderByPath(path, s)
			must(t, err)
			return do(f)
		})
	})
}

// TestLoad: a small file is read, a larger one and a folder are open.
func TestLoad(t *testing.T) {
	top := tree(t, "small", "sub/", "empty", "link -> small")
	must(t, os.Truncate(filepath.Join(top, "empty"), 0))
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		must(t, use(top, exchange.SymlinksOwner, func(f *exchange.Folder) error {
			for _, c := range []struct {
				path string
				most int64
				text string // "" for what is open
				size int64
			}{
				{"/small", 5, "small", 5}, {"/small", 4, "", 5}, {"/small", -1, "", 5}, {"/link", 5, "small", 5}, {"/empty", 0, "", 0}, {"/sub", 1 << 20, "", -1},
			} {
				got, err := f.Load(c.path, c.most)
				must(t, err)
				defer got.Close()
				info, err := os.Stat(filepath.Join(top, c.path))
				must(t, err)
				read := c.size >= 0 && c.size <= c.most
				if (got.File == nil) != read || string(got.Content) != c.text || got.Mode != info.Mode() || got.Size != info.Size() || !got.ModTime.Equal(info.ModTime()) {
					t.Errorf("%s, %d: got %+v", c.path, c.most, got)
				}
			}
			return nil
		}))
	})
}

// outcome is one of the words of the tables below.
func outcome(err error) string {
	link := (*exchange.LinkError)(nil)
	switch {
	case err == nil:
		return "found"
	case errors.As(err, &link) && errors.Is(err, syscall.ELOOP):
		return "loop"
	case errors.As(err, &link) && errors.Is(err, fs.ErrPermission):
		return "refused"
	case errors.Is(err, exchange.ErrIrregular):
		return "irregular"
	case errors.Is(err, fs.ErrNotExist):
		return "missing"
	}
	return err.Error()
}

// TestFind: the results of paths without links, and of invalid paths.
func TestFind(t *testing.T) {
	top := tree(t, "site/page", "site/sub/deep/page", "site/sp ace", "site/.well-known/x", "site/.git/config", "other/secret")
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		for _, test := range []struct{ path, want, found, rest string }{
			{path: "", want: "found", found: "site"},
			{path: "/page", want: "found", found: "site/page"},
			{path: "/page/", want: "found", found: "site/page", rest: "/"},
			{path: "/page/more/../x", want: "found", found: "site/page", rest: "/more/../x"},
			{path: "/sub", want: "found", found: "site/sub"},
			{path: "/sub/deep/page", want: "found", found: "site/sub/deep/page"},
			{path: "/sp ace", want: "found", found: "site/sp ace"},
			{path: "/\xff\xfe", want: "missing"},
			{path: "/.well-known/x", want: "found", found: "site/.well-known/x"},
			{path: "/page/.git", want: "found", found: "site/page", rest: "/.git"},
			{path: "/.git/config", want: "missing"},
			{path: "/.git", want: "missing"},
			{path: "/missing", want: "missing"},
			{path: "/missing/page", want: "missing"},
			{path: "/", want: "missing"},
			{path: "/sub/", want: "missing"},
			{path: "//page", want: "missing"},
			{path: "/sub//deep", want: "missing"},
			{path: "/./page", want: "missing"},
			{path: "/../other/secret", want: "missing"},
			{path: "/sub/../page", want: "missing"},
			{path: "/sub/..", want: "missing"},
			{path: "page", want: "missing"},
			{path: "/page\x00", want: "missing"},
			{path: "/" + strings.Repeat("x", 300), want: "missing"},
			{path: "/" + strings.Repeat("x", 5000), want: "missing"},
		} {
			err := use(filepath.Join(top, "site"), exchange.SymlinksNone, func(f *exchange.Folder) error {
				found, err := f.Find(test.path)
				if err == nil && (found.Path != filepath.Join(top, test.found) || found.Rest != test.rest) {
					t.Errorf("%.50q: got %+v; want %s and %q", test.path, found, test.found, test.rest)
				}
				return err
			})
			if got := outcome(err); got != test.want {
				t.Errorf("%.50q: got %s; want %s", test.path, got, test.want)
			}
		}
	})
}

// TestHidden: hidden names are found only if Hidden is set.
func TestHidden(t *testing.T) {
	top := tree(t, ".cache/page")
	for hidden, want := range map[bool]string{true: ".cache/page", false: "missing"} {
		if got := text(t, &exchange.Root{Path: top, Hidden: hidden}, "/.cache/page"); got != want {
			t.Errorf("Hidden %v: got %q; want %q", hidden, got, want)
		}
	}
}

// TestSymlinks: every kind of link under every policy. All files belong to the user of the test, so
// that its owner allows them.
func TestSymlinks(t *testing.T) {
	top := tree(t, "site/page", "site/sub/page", "other/page", "other/deep/page", "elsewhere/page", "elsewhere/up -> ../other",
		"site/file -> page", "site/sub/up -> ../page", "site/absolute -> TOP/site/sub/page", "site/folder -> sub", "site/self -> .",
		"site/out -> ../other/page", "site/away -> TOP/other", "site/slashes -> .././/other//page", "site/above -> ..",
		"site/one -> two", "site/two -> three", "site/three -> ../elsewhere/up/page",
		"site/loop -> loop", "site/ping -> pong", "site/pong -> ping", "site/inner -> inner/x",
		"site/dangling -> nothing", "site/beyond -> ../other/nothing/x", "site/below -> page/x", "site/slash -> page/",
		"site/root -> /", "site/long -> "+strings.Repeat("./", 1000)+"page")
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		for _, test := range []struct{ path, want, text string }{
			{"/file", "found", "site/page"},
			{"/sub/up", "found", "site/page"},
			{"/absolute", "found", "site/sub/page"},
			{"/folder/page", "found", "site/sub/page"},
			{"/folder/up", "found", "site/page"},
			{"/self/self/page", "found", "site/page"},
			{"/out", "found", "other/page"},
			{"/away/deep/page", "found", "other/deep/page"},
			{"/slashes", "found", "other/page"},
			{"/above/other/page", "found", "other/page"},
			{"/one", "found", "other/page"},
			{"/root" + top + "/other/page", "found", "other/page"},
			{"/long", "found", "site/page"},
			{"/away/../site/page", "missing", ""}, // ".." in a request is not allowed
			{"/away/..", "missing", ""},
			{"/loop", "loop", ""},
			{"/ping", "loop", ""},
			{"/inner", "loop", ""},
			{"/dangling", "missing", ""},
			{"/beyond", "missing", ""},
			{"/below", "missing", ""},
			{"/slash", "missing", ""},
			{"/file/more", "missing", ""},
		} {
			for _, policy := range []exchange.Symlinks{exchange.SymlinksOwner, exchange.SymlinksAll, exchange.SymlinksNone} {
				want := test.want
				if policy == exchange.SymlinksNone {
					want = "refused"
				}
				if strings.HasPrefix(test.path, "/"+"root/") && policy == exchange.SymlinksOwner && os.Geteuid() != 0 {
					want = "refused" // "/" is root's
				}
				var text []byte
				err := use(filepath.Join(top, "site"), policy, func(f *exchange.Folder) error {
					file, err := f.Open(test.path)
					if err == nil {
						defer file.Close()
						text, err = io.ReadAll(file)
					}
					return err
				})
				if got := outcome(err); got != want || got == "found" && string(text) != test.text {
					t.Errorf("%s, %s: got %s, %q; want %s, %q", test.path, policy, got, text, want, test.text)
				}
			}
		}
	})
}

// TestLinkChain: as many links in a row are followed as the system follows.
func TestLinkChain(t *testing.T) {
	names := []string{"site/l0"}
	for i := range 41 {
		names = append(names, "site/l"+string(rune('A'+i))+" -> l"+string(rune('A'+i-1)))
	}
	names[1] = "site/lA -> l0"
	top := tree(t, names...)
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		for name, want := range map[string]string{"/l" + string(rune('A'+39)): "found", "/l" + string(rune('A'+40)): "loop"} {
			err := use(filepath.Join(top, "site"), exchange.SymlinksOwner, func(f *exchange.Folder) error {
				_, err := f.Find(name)
				return err
			})
			if got := outcome(err); got != want {
				t.Errorf("%s: got %s; want %s", name, got, want)
			}
		}
	})
}

// Users that own no other files.
const (
	siteUser  = 54321
	otherUser = 54322
)

// TestSymlinksOwner: a link is followed if its owner is root or the owner of its final target.
func TestSymlinksOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	top := tree(t, "secret", "mine", "theirs", "folder/page", "site/page",
		"site/planted -> ../secret", "site/packaged -> ../mine", "site/own -> ../mine", "site/foreign -> ../theirs",
		"site/in -> ../folder", "site/chain -> ../planted", "planted -> mine", "site/through -> ../hall/mine", "hall -> .",
		"site/hard -> page")
	must(t, os.Symlink(filepath.Join(top, "secret"), filepath.Join(top, "site/absolute")))
	for name, uid := range map[string]int{
		"mine": siteUser, "theirs": otherUser, "folder": siteUser, "folder/page": 0, "site/page": 0,
		"site/planted": siteUser, "site/packaged": 0, "site/own": siteUser, "site/foreign": siteUser,
		"site/in": siteUser, "site/chain": 0, "planted": otherUser, "site/through": 0, "hall": otherUser,
		"site/hard": siteUser, "site/absolute": siteUser,
	} {
		must(t, os.Lchown(filepath.Join(top, name), uid, uid))
	}
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		for _, test := range []struct{ path, want, log string }{
			{"/planted", "refused", `link "` + top + `/site/planted" of user 54321 is not followed: it leads to "` + top + `/secret" of user 0`},
			{"/absolute", "refused", `it leads to "` + top + `/secret" of user 0`},
			{"/packaged", "found", ""},
			{"/own", "found", ""},
			{"/foreign", "refused", `/theirs" of user 54322`},
			{"/in/page", "found", ""}, // the link leads to the folder, which is its owner's
			{"/chain", "refused", `link "` + top + `/planted" of user 54322 is not followed`},
			{"/through", "refused", `link "` + top + `/hall" of user 54322 is not followed`},
			{"/hard", "refused", `of user 54321`}, // also within the folder
		} {
			err := use(filepath.Join(top, "site"), exchange.SymlinksOwner, func(f *exchange.Folder) error {
				_, err := f.Find(test.path)
				return err
			})
			if got := outcome(err); got != test.want || test.log != "" && !strings.Contains(err.Error(), test.log) {
				t.Errorf("%s: got %s, %v; want %s, %q", test.path, got, err, test.want, test.log)
			}
		}
	})
}

// TestSymlinksOwnerForUsers tests SymlinksOwner without root's rights.
func TestSymlinksOwnerForUsers(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("a link of root's may lead anywhere")
	}
	top := tree(t, "site/passwd -> /etc/passwd")
	err := (&exchange.Root{Path: filepath.Join(top, "site")}).Use(func(f *exchange.Folder) error {
		_, err := f.Find("/passwd")
		return err
	})
	if got := outcome(err); got != "refused" {
		t.Errorf("got %s, %v; want refused", got, err)
	}
}

// TestOpenIrregular: Open does not open an irregular file, and does not wait for one.
func TestOpenIrregular(t *testing.T) {
	top := tree(t, "site/device -> /dev/null", "site/to -> pipe")
	must(t, syscall.Mkfifo(filepath.Join(top, "site/pipe"), 0o644))
	l, err := net.Listen("unix", filepath.Join(top, "site/socket"))
	must(t, err)
	defer l.Close()
	eachWay(t, func(t *testing.T, use func(string, exchange.Symlinks, func(*exchange.Folder) error) error) {
		for path, want := range map[string]string{"/pipe": "irregular", "/to": "irregular", "/socket": "irregular", "/device": "irregular", "": "found"} {
			err := use(filepath.Join(top, "site"), exchange.SymlinksAll, func(f *exchange.Folder) error {
				file, err := f.Open(path)
				file.Close()
				return err
			})
			if got := outcome(err); got != want {
				t.Errorf("%q: got %s; want %s", path, got, want)
			}
		}
	})
}

// text returns the text of a file in the current folder of r.
func text(t *testing.T, r *exchange.Root, path string) string {
	t.Helper()
	var got []byte
	err := r.Use(func(f *exchange.Folder) error {
		file, err := f.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		got, err = io.ReadAll(file)
		return err
	})
	if err != nil {
		return outcome(err)
	}
	return string(got)
}

// relink changes the target of the link "current" of a tree.
func relink(t *testing.T, top, target string) {
	t.Helper()
	must(t, os.Symlink(target, filepath.Join(top, "next")))
	must(t, os.Rename(filepath.Join(top, "next"), filepath.Join(top, "current")))
}

// TestRootMoves: a Root whose path is a link follows a change within a second, and at once if a
// file is missing in the old folder.
func TestRootMoves(t *testing.T) {
	top := tree(t, "r1/page", "r2/page", "r3/page", "r3/new", "current -> r1")
	synctest.Test(t, func(t *testing.T) {
		r := &exchange.Root{Path: filepath.Join(top, "current"), Symlinks: exchange.SymlinksNone}
		want := func(want, path string) {
			t.Helper()
			if got := text(t, r, path); got != want {
				t.Errorf("%s: got %q; want %q", path, got, want)
			}
		}
		want("r1/page", "/page")
		relink(t, top, "r2")
		time.Sleep(time.Second)
		want("r2/page", "/page")
		relink(t, top, "r3")
		want("r3/new", "/new") // not there in r2
		want("r3/page", "/page")
		relink(t, top, "r1")
		must(t, os.RemoveAll(filepath.Join(top, "r3")))
		want("r1/page", "/page")
		must(t, os.Remove(filepath.Join(top, "current")))
		time.Sleep(time.Second)
		want("missing", "/page")
		must(t, os.Symlink("r2", filepath.Join(top, "current")))
		want("r2/page", "/page")
	})
}

// TestRootReload: a Reload follows a change at once. If the path leads to no folder, the old one is
// in use until it leads to one.
func TestRootReload(t *testing.T) {
	top := tree(t, "r1/page", "r2/page", "current -> r1")
	synctest.Test(t, func(t *testing.T) {
		r := &exchange.Root{Path: filepath.Join(top, "current")}
		defer r.Close()
		want := func(want string) {
			t.Helper()
			if got := text(t, r, "/page"); got != want {
				t.Errorf("got %q; want %q", got, want)
			}
		}
		want("r1/page")
		relink(t, top, "r2")
		must(t, r.Reload())
		want("r2/page")
		relink(t, top, "gone")
		for range 2 {
			if missing := (*exchange.RootError)(nil); !errors.As(r.Reload(), &missing) || !errors.Is(missing, fs.ErrNotExist) {
				t.Errorf("got %v; want that it does not exist", missing)
			}
			time.Sleep(time.Second)
			want("r2/page")
		}
		relink(t, top, "r1")
		time.Sleep(time.Second)
		want("r1/page")
		must(t, os.Remove(filepath.Join(top, "current")))
		time.Sleep(time.Second)
		want("missing")
		if err := r.Reload(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("got %v; want that it does not exist", err)
		}
		want("missing")
	})
}

// TestRootKeepsFolder: a running request keeps the folder and the paths with which it began.
func TestRootKeepsFolder(t *testing.T) {
	top := tree(t, "r1/page", "r2/page", "current -> r1")
	synctest.Test(t, func(t *testing.T) {
		r := &exchange.Root{Path: filepath.Join(top, "current")}
		must(t, r.Use(func(f *exchange.Folder) error {
			relink(t, top, "r2")
			time.Sleep(time.Second)
			if got := text(t, r, "/page"); got != "r2/page" {
				t.Errorf("a new request got %q", got)
			}
			if f.Path() != filepath.Join(top, "current") || f.Real() != filepath.Join(top, "r1") {
				t.Errorf("got the folder %q, %q", f.Path(), f.Real())
			}
			file, err := f.Open("/page")
			must(t, err)
			defer file.Close()
			if got, err := io.ReadAll(file); string(got) != "r1/page" || file.Name() != filepath.Join(top, "current/page") {
				t.Errorf("the old request got %q of %s, %v", got, file.Name(), err)
			}
			return nil
		}))
	})
}

// TestRootErrors: a path that leads to no folder.
func TestRootErrors(t *testing.T) {
	top := tree(t, "page", "sub/")
	for path, want := range map[string]error{"missing": fs.ErrNotExist, "page": syscall.ENOTDIR} {
		r := &exchange.Root{Path: filepath.Join(top, path)}
		err := r.Use(func(*exchange.Folder) error { return nil })
		if root := (*exchange.RootError)(nil); !errors.As(err, &root) || !errors.Is(err, want) || !strings.Contains(err.Error(), r.Path) {
			t.Errorf("%s: got %v; want %v", path, err, want)
		}
	}
	t.Chdir(top)
	r := &exchange.Root{Path: "sub"}
	must(t, r.Use(func(f *exchange.Folder) error {
		if f.Path() != filepath.Join(top, "sub") {
			t.Errorf("got %q", f.Path())
		}
		return nil
	}))
	if got := (&exchange.Root{Path: "/"}); text(t, got, filepath.Join(top, "page")) != "page" {
		t.Errorf("got %q below /", text(t, got, filepath.Join(top, "page")))
	}
}
