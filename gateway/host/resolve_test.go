package host_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/host"
)

// site makes a folder of files, each of which contains its own name. A name that ends in a slash is
// a folder. site returns the path without symbolic links, since the folder for temporary files is a
// link on some systems.
func site(t testing.TB, names ...string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		path := filepath.Join(root, filepath.FromSlash(name))
		dir := filepath.Dir(path)
		if strings.HasSuffix(name, "/") {
			dir = path
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if dir != path {
			if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return root
}

var php = []string{".php"}

// errRefused means any *gateway.RequestError in a table.
var errRefused = errors.New("refused")

func resolved(t *testing.T, s host.Scripts, path string) (host.Script, error) {
	t.Helper()
	script, err := s.Resolve(path)
	if r := (*gateway.RequestError)(nil); errors.As(err, &r) {
		err = errRefused
	}
	return script, err
}

func TestResolve(t *testing.T) {
	root := site(t, "index.php", "a.php", "A2.PHP", "style.css", "x.jpg", "blog/index.php", "plain/", "plain/page.txt", "html/index.html",
		"dir.php/inner.php", "dir.php/index.php", "upload.php.txt", "noext", ".php", "blog/.php", "weiter.ｐhp", "sp ace.php",
		".env", ".git/hook.php", ".git/index.php", ".well-known/a.php", ".well-known/a.txt")
	s := host.Scripts{Root: root, SplitPath: php, Index: []string{"index.php", "index.html"}}
	for _, c := range []struct {
		path, name, info string
		err              error
	}{
		{path: "/a.php", name: "/a.php"},
		{path: "/a.php/", name: "/a.php", info: "/"},
		{path: "/a.php/b/c", name: "/a.php", info: "/b/c"},
		{path: "/a.php//b", name: "/a.php", info: "//b"},
		{path: "/a.php/b.php", name: "/a.php", info: "/b.php"},
		{path: "/A2.PHP", name: "/A2.PHP"},
		{path: "/sp ace.php/x y", name: "/sp ace.php", info: "/x y"},
		{path: "/", name: "/index.php"},
		{path: "/blog/", name: "/blog/index.php"},
		{path: "/blog", err: host.ErrFolder},
		{path: "/blog/index.php/x", name: "/blog/index.php", info: "/x"},
		{path: "/dir.php/inner.php/x", name: "/dir.php/inner.php", info: "/x"},
		{path: "/dir.php/", name: "/dir.php/index.php"},
		{path: "/dir.php", err: host.ErrFolder},
		{path: "/html/", err: host.ErrNotScript}, // the index exists, and is a file for Next
		{path: "/html", err: host.ErrFolder},
		{path: "/style.css", err: host.ErrNotScript},
		{path: "/noext", err: host.ErrNotScript},
		{path: "/upload.php.txt", err: host.ErrNotScript},
		{path: "/plain/page.txt", err: host.ErrNotScript},
		{path: "/plain/", err: host.ErrNotFound}, // folders are not listed
		{path: "/style.css/", err: host.ErrNotFound},
		{path: "/missing.php", err: host.ErrNotFound},
		{path: "/missing", err: host.ErrNotFound},
		{path: "//a.php", err: host.ErrNotFound},
		{path: "/blog//index.php", err: host.ErrNotFound},
		{path: "/.php", err: host.ErrNotFound}, // hidden
		{path: "/blog/.php", err: host.ErrNotFound},
		{path: "/.env", err: host.ErrNotFound},
		{path: "/.git", err: host.ErrNotFound},
		{path: "/.git/", err: host.ErrNotFound},
		{path: "/.git/hook.php", err: host.ErrNotFound},
		{path: "/.well-known/a.php/.x", name: "/.well-known/a.php", info: "/.x"},
		{path: "/.well-known/a.txt", err: host.ErrNotScript},
		{path: "", err: errRefused},
		{path: "a.php", err: errRefused},
		{path: "/./a.php", err: errRefused}, // C28
		{path: "/blog/../a.php", err: errRefused},
		{path: "/a.php/../x", err: errRefused},
		{path: "/..", err: errRefused},
		{path: "/a.php\x00.jpg", err: errRefused},
		{path: "/a.php/\r\nX: y", err: errRefused},
		{path: "/a.php\x7f", err: errRefused},
	} {
		t.Run(c.path, func(t *testing.T) {
			got, err := resolved(t, s, c.path)
			if got.Name != c.name || got.PathInfo != c.info || !errors.Is(err, c.err) {
				t.Fatalf("got %+v, %v; want %q, %q, %v", got, err, c.name, c.info, c.err)
			}
			if want := filepath.Join(root, filepath.FromSlash(c.name)); c.name != "" && got.Filename != want {
				t.Errorf("got the file %q; want %q", got.Filename, want)
			}
		})
	}
}

// TestCVE_2019_11043: an upload is not run if a script's name is appended to its path (also nginx's
// cgi.fix_pathinfo trap).
func TestCVE_2019_11043(t *testing.T) {
	s := host.Scripts{Root: site(t, "x.jpg", "index.php"), SplitPath: php}
	for _, path := range []string{
		"/x.jpg/.php", "/x.jpg/x.php", "/x.jpg/index.php", "/x.jpg/a/b.php/c", "/x.jpg%00.php", "/x.jpg/%0a.php", "/nothing.php/index.php",
	} {
		if got, err := s.Resolve(path); !errors.Is(err, host.ErrNotFound) {
			t.Errorf("%q: got %+v, %v; want ErrNotFound", path, got, err)
		}
	}
}

// TestCVE_2026_27590 (GHSA-5r3v-vc8m-m96g, FrankenPHP's GHSA-g966-83w7-6w38): letters whose lower
// case has another length in bytes do not change where the path is split.
func TestCVE_2026_27590(t *testing.T) {
	s := host.Scripts{Root: site(t, "ȺȺȺȺshell.php.txt.php", "ȺȺȺȺshell.php.txt", "ȺȺȺȺshell.php"), SplitPath: php}
	for path, want := range map[string]string{
		"/ȺȺȺȺshell.php.txt.php/x": "/ȺȺȺȺshell.php.txt.php",
		"/ȺȺȺȺshell.php":           "/ȺȺȺȺshell.php",
	} {
		if got, err := s.Resolve(path); got.Name != want || err != nil {
			t.Errorf("%q: got %+v, %v; want %q", path, got, err, want)
		}
	}
	if got, err := s.Resolve("/ȺȺȺȺshell.php.txt"); !errors.Is(err, host.ErrNotScript) {
		t.Errorf("got %+v, %v; want ErrNotScript", got, err)
	}
}

// TestCVE_2026_45135 (GHSA-m675-2p33-xv9g, FrankenPHP's GHSA-3g8v-8r37-cgjm and
// GHSA-v4h7-cj44-8fc8): letters that fold to ASCII letters in Unicode do not match an extension,
// and no byte beyond ASCII matches anything.
func TestCVE_2026_45135(t *testing.T) {
	names := []string{"a.ｐhp", "a.ⓟⓗⓟ", "a.𝗽𝗵𝗽", "a.phﾟ", "a.php\u200b", "a.ph\u212a"}
	s := host.Scripts{Root: site(t, names...), SplitPath: []string{".php", ".phk"}}
	for _, name := range names {
		if got, err := s.Resolve("/" + name); !errors.Is(err, host.ErrNotScript) {
			t.Errorf("%q: got %+v, %v; want ErrNotScript", name, got, err)
		}
	}
}

// TestResolveLinks: every kind of link, into the root and out of it. All files belong to one user.
func TestResolveLinks(t *testing.T) {
	outside := site(t, "secret.php", "dir/secret.php")
	root := site(t, "real.php", "releases/5/index.php", "private/")
	twin := root + "-private" // begins like the root
	if err := os.Mkdir(twin, 0o755); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(twin)
	if err := os.WriteFile(filepath.Join(twin, "secret.php"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"relative.php": "real.php",
		"absolute.php": filepath.Join(root, "real.php"),
		"current":      "releases/5",
		"out.php":      filepath.Join(outside, "secret.php"),
		"out":          outside,
		"twin":         twin,
		"up":           "..",
		"loop.php":     "loop.php",
		"dangling.php": "nothing.php",
		"self":         ".",
	} {
		if err := os.Symlink(target, filepath.Join(root, link)); err != nil {
			t.Skipf("symbolic links: %v", err)
		}
	}
	rootLink := filepath.Join(t.TempDir(), "www")
	if err := os.Symlink(root, rootLink); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{root, rootLink} {
		for _, path := range []string{
			// within the root
			"/relative.php", "/absolute.php", "/current/", "/current/index.php", "/self/real.php",
			"/out.php", "/out/secret.php", "/out/dir/secret.php", "/twin/secret.php", "/up/" + filepath.Base(twin) + "/secret.php",
		} {
			for links, want := range map[exchange.Symlinks]error{
				exchange.SymlinksOwner: nil, exchange.SymlinksAll: nil, exchange.SymlinksNone: host.ErrNotFound,
			} {
				s := host.Scripts{Root: base, Symlinks: links, SplitPath: php, Index: []string{"index.php"}}
				got, err := s.Resolve(path)
				if !errors.Is(err, want) {
					t.Errorf("%s below %s, %s: got %+v, %v; want %v", path, base, links, got, err, want)
				}
				if err == nil && !strings.HasPrefix(got.Filename, base) {
					t.Errorf("got the file %q; want one below %q as it was given", got.Filename, base)
				}
				if link := (*exchange.LinkError)(nil); err != nil && !errors.As(err, &link) {
					t.Errorf("%s: got %v; want the link that was not followed", path, err)
				}
			}
		}
		s := host.Scripts{Root: base, SplitPath: php, Index: []string{"index.php"}}
		for _, path := range []string{"/loop.php", "/dangling.php", "/up/"} {
			if got, err := s.Resolve(path); !errors.Is(err, host.ErrNotFound) {
				t.Errorf("%s below %s: got %+v, %v; want %v", path, base, got, err, host.ErrNotFound)
			}
		}
	}
}

func TestResolveFallback(t *testing.T) {
	root := site(t, "index.php", "style.css", "empty/", ".env")
	s := host.Scripts{Root: root, SplitPath: php, Index: []string{"index.php"}, Fallback: "/index.php"}
	for path, want := range map[string]error{
		"/": nil, "/pretty": nil, "/pretty/url/": nil, "/empty/": nil, "/empty": nil, "//x": nil,
		"/style.css": host.ErrNotScript, "/missing.php": host.ErrNotFound, "/missing.php/x": host.ErrNotFound,
		"/.env": host.ErrNotFound, "/.nothing/x": host.ErrNotFound, "/.well-known/x": nil,
	} {
		got, err := s.Resolve(path)
		if !errors.Is(err, want) || err == nil && (got.Name != "/index.php" || got.PathInfo != "") {
			t.Errorf("%q: got %+v, %v; want %v", path, got, err, want)
		}
	}
	s.Fallback = "/gone.php"
	if got, err := s.Resolve("/pretty"); !errors.Is(err, host.ErrNotFound) {
		t.Errorf("a fallback that is not there: got %+v, %v", got, err)
	}
}

// TestCVE_2008_1111: a script's source is not sent as a static file under another of its names.
func TestCVE_2008_1111(t *testing.T) {
	names := []string{"a.php.", "a.php..", "a.php ", "a.php. .", "a.php::$DATA", "a.PHP:x"}
	s := host.Scripts{Root: site(t, append(names, "b.css.", "c:d.css")...), SplitPath: php}
	for _, name := range names {
		if got, err := s.Resolve("/" + name); !errors.Is(err, host.ErrNotFound) {
			t.Errorf("%q: got %+v, %v; want ErrNotFound", name, got, err)
		}
	}
	for _, name := range []string{"b.css.", "c:d.css"} {
		if got, err := s.Resolve("/" + name); !errors.Is(err, host.ErrNotScript) {
			t.Errorf("%q: got %+v, %v; want ErrNotScript", name, got, err)
		}
	}
}

func TestResolveWithoutRoot(t *testing.T) {
	s := host.Scripts{Root: filepath.Join(t.TempDir(), "gone"), SplitPath: php}
	_, err := s.Resolve("/a.php")
	if e := (*gateway.ServerError)(nil); !errors.As(err, &e) || e.Status != http.StatusInternalServerError {
		t.Errorf("got %v; want a 500: the backend has no part in it", err)
	}
}

// FuzzResolve: for every path, the result is a regular file below the root, with an extension, and
// Name and PathInfo together are the path.
func FuzzResolve(f *testing.F) {
	for _, seed := range []string{"/a.php/x", "/blog", "/dir.php/b.php/", "/../a.php", "//a.php", "/x.jpg/.php", "/a.PHP\x00", "/ȺȺ.php"} {
		f.Add(seed)
	}
	root := site(f, "a.php", "blog/index.php", "dir.php/b.php", "x.jpg")
	s := host.Scripts{Root: root, SplitPath: php, Index: []string{"index.php"}}
	f.Fuzz(func(t *testing.T, path string) {
		got, err := s.Resolve(path)
		if err != nil {
			return
		}
		info, statErr := os.Stat(got.Filename)
		if statErr != nil || !info.Mode().IsRegular() || !strings.HasPrefix(got.Filename, root+string(filepath.Separator)) {
			t.Fatalf("%q: got %+v, %v; want a file below the root", path, got, statErr)
		}
		if !strings.EqualFold(filepath.Ext(got.Filename), ".php") {
			t.Errorf("%q: got %+v; want a script", path, got)
		}
		if sum := got.Name + got.PathInfo; sum != path && sum != path+"index.php" {
			t.Errorf("%q: got %+v, whose sum is another path", path, got)
		}
	})
}
