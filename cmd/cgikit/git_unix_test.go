//go:build unix

package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/httpapp"
)

// realFronts are the ways to a third-party program: serve over HTTP, and nginx with its stock
// parameter files in front of each protocol. Its fastcgi_params set SCRIPT_NAME to the whole path,
// so --mount is needed.
var realFronts = []front{
	{template: "http"},
	{template: "nginx-fastcgi", stock: true, buffered: true, flag: "/"},
	{template: "nginx-scgi", stock: true, buffered: true},
}

// open starts f in front of target and returns the URL.
func (f front) open(t *testing.T, target string, o targetOptions) string {
	t.Helper()
	if f.template != "http" {
		return f.start(t, target, o)
	}
	tg, err := openTarget(target, o, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tg.close() })
	return "http://" + serveOn(t, &httpapp.Server{App: tg.app, ErrorLog: quiet})
}

// repository is a bare repository for git http-backend, and a clone of it with one commit.
type repository struct {
	t          *testing.T
	bare, work string
	env        []string
}

func newRepository(t *testing.T) *repository {
	t.Helper()
	dir := t.TempDir()
	g := &repository{t: t, bare: filepath.Join(dir, "bare", "r.git"), work: filepath.Join(dir, "work")}
	g.env = append(os.Environ(), "GIT_CONFIG_NOSYSTEM=1", "HOME="+dir, "XDG_CONFIG_HOME="+dir, "GIT_TERMINAL_PROMPT=0", "NO_PROXY=*", "no_proxy=*",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.org")
	g.initBare()
	g.git("", "init", "--quiet", "--initial-branch=main", g.work)
	g.git(g.work, "config", "core.compression", "0")
	return g
}

// mirror returns another bare repository, which is empty, for the same clone.
func (g *repository) mirror(t *testing.T) *repository {
	t.Helper()
	other := &repository{t: t, bare: filepath.Join(t.TempDir(), "bare", "r.git"), work: g.work, env: g.env}
	other.initBare()
	return other
}

func (g *repository) initBare() {
	g.t.Helper()
	g.git("", "init", "--quiet", "--bare", "--initial-branch=main", g.bare)
	g.git(g.bare, "config", "http.receivepack", "true")
	g.git(g.bare, "config", "core.compression", "0") // the bytes are random
}

// git runs git in dir and returns what it prints.
func (g *repository) git(dir string, args ...string) string {
	g.t.Helper()
	c := exec.Command(webserver.Find(g.t, "git"), args...)
	c.Dir, c.Env = dir, g.env
	out, err := c.CombinedOutput()
	if err != nil {
		g.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, webserver.Excerpt(string(out)))
	}
	return string(out)
}

// commit adds a file of so many random bytes.
func (g *repository) commit(name string, size int) []byte {
	g.t.Helper()
	content := make([]byte, size)
	rand.Read(content)
	if err := os.WriteFile(filepath.Join(g.work, name), content, 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.git(g.work, "add", name)
	g.git(g.work, "commit", "--quiet", "--message", name)
	return content
}

// unpushed adds commits that the server does not have, on a branch of their own. They are newer
// than all others, so git names them first when it fetches.
func (g *repository) unpushed(dir string, n int) {
	g.t.Helper()
	var stream strings.Builder
	for i := range n {
		fmt.Fprintf(&stream, "commit refs/heads/unpushed\ncommitter a <a@example.org> %d +0000\ndata 2\nx\n\n", 2_000_000_000+i)
	}
	c := exec.Command(webserver.Find(g.t, "git"), "fast-import", "--quiet")
	c.Dir, c.Env, c.Stdin = dir, g.env, strings.NewReader(stream.String())
	if out, err := c.CombinedOutput(); err != nil {
		g.t.Fatalf("git fast-import: %v\n%s", err, webserver.Excerpt(string(out)))
	}
}

// traced runs git as git does, and returns the heads of its requests and of their responses.
func (g *repository) traced(dir string, args ...string) string {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "trace")
	c := *g
	c.env = append(slices.Clone(g.env), "GIT_TRACE_CURL="+file, "GIT_TRACE_CURL_NO_DATA=1")
	c.git(dir, args...)
	text, err := os.ReadFile(file)
	if err != nil {
		g.t.Fatal(err)
	}
	return string(text)
}

// gitRecipe is the recipe, with the repositories of g.
func gitRecipe(t *testing.T, g *repository) *recipe {
	t.Helper()
	r := findRecipe(t, "git, cgit and gitweb")
	r.swap["/usr/lib/git-core"] = strings.TrimSpace(g.git("", "--exec-path"))
	r.swap["/srv/git"] = filepath.Dir(g.bare)
	for name, text := range map[string]string{
		// with the lines of Debian's file
		"cgitrc":      "css=/cgit-css/cgit.css\nlogo=/cgit-css/cgit.png\nscan-path=/srv/git\n",
		"gitweb.conf": "$projectroot = '/srv/git'; 1;\n",
	} {
		r.swap["/etc/"+name] = filepath.Join(r.dir, name)
		if err := os.WriteFile(r.swap["/etc/"+name], []byte(r.replace(text)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// gitFronts are the ways of the recipe to a program, and SCGI in the place of FastCGI.
var gitFronts = []struct {
	name  string
	start func(r *recipe, program, mount string) string // returns the URL
}{
	{"http", func(r *recipe, program, _ string) string {
		return strings.TrimSuffix(r.serve("-l http:", program), "/")
	}},
	{"nginx-fastcgi", func(r *recipe, program, mount string) string {
		r.serve("-l \"fastcgi", program)
		return r.nginx() + mount
	}},
	{"nginx-scgi", func(r *recipe, program, mount string) string {
		r.text = strings.ReplaceAll(r.text, "fastcgi", "scgi")
		r.serve("-l \"scgi", program)
		return r.nginx() + mount
	}},
}

// TestGitHTTPBackend pushes 60 MB and clones them by git's own program, with requests that git
// sends chunked and compressed. Over SCGI, it pushes only the first commit.
func TestGitHTTPBackend(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "git")
	const size = 60 << 20
	first := newRepository(t)
	files := map[string][]byte{"small": first.commit("small", 2<<20), "large": first.commit("large", size)}
	for _, f := range gitFronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			g := first.mirror(t)
			url := f.start(gitRecipe(t, g), "git-http-backend", "/git") + "/r.git"
			name, commit := "large", "main"
			if f.name == "nginx-scgi" {
				name, commit = "small", "main~1"
			}
			push := g.traced(g.work, "-c", "http.postBuffer=65536", "push", "--quiet", url, commit+":refs/heads/main")
			clone := filepath.Join(t.TempDir(), "clone")
			g.git("", "clone", "--quiet", url, clone)
			got, err := os.ReadFile(filepath.Join(clone, name))
			if err != nil || !bytes.Equal(got, files[name]) {
				t.Errorf("the clone has %d bytes, %v; want the %d that were pushed", len(got), err, len(files[name]))
			}
			g.unpushed(clone, 300)
			g.git(g.bare, "branch", "newer", g.newCommit())
			fetch := g.traced(clone, "fetch", "--quiet", "origin", "newer")
			for _, want := range []struct{ trace, line string }{
				{push, "=> Send header: Transfer-Encoding: chunked"},
				{fetch, "=> Send header: Content-Encoding: gzip"},
				{fetch, "=> Send header: Git-Protocol: version=2"},
			} {
				if !strings.Contains(strings.ToLower(want.trace), strings.ToLower(want.line)) {
					t.Errorf("git did not send %q, which this test is for:\n%s", want.line, webserver.Excerpt(want.trace))
				}
			}
			head := strings.TrimSpace(g.git(g.work, "rev-parse", commit))
			if refs := g.git("", "-c", "protocol.version=0", "ls-remote", url); !strings.Contains(refs, head) {
				t.Errorf("version 0 of the protocol: got %.300q; want %s in it", refs, head)
			}
		})
	}
}

// newCommit adds a commit without files to the bare repository, and returns its name.
func (g *repository) newCommit() string {
	g.t.Helper()
	empty := strings.TrimSpace(g.git(g.bare, "hash-object", "-t", "tree", "-w", os.DevNull))
	return strings.TrimSpace(g.git(g.bare, "commit-tree", "-p", "main", "-m", "newer", empty))
}

// newSmallRepository is a repository whose only commit is called "a commit".
func newSmallRepository(t *testing.T) *repository {
	t.Helper()
	g := newRepository(t)
	g.commit("a file", 10)
	g.git(g.work, "push", "--quiet", g.bare, "main")
	return g
}

// TestCgit checks the pages of cgit, its style sheet, and a clone.
func TestCgit(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "git")
	webserver.FindFile(t, "cgit", "/usr/lib/cgit/cgit.cgi")
	g := newSmallRepository(t)
	for _, f := range gitFronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			url := f.start(gitRecipe(t, g), "cgit.cgi", "/cgit")
			front := get(t, url+"/")
			checkPages(t, url, map[string]string{
				"/": "r.git", "/r.git/": "a file", "/r.git/log/": "a file", "/r.git/tree/": "a file", "/r.git/nothing/": "404",
			})
			if css := get(t, origin(url)+"/cgit-css/cgit.css"); !strings.Contains(front, "href='/cgit-css/cgit.css'") || !strings.Contains(css, "font-family") {
				t.Errorf("the page %.300q has the style sheet %.100q", front, css)
			}
			// the links of a page lead to pages
			for _, link := range regexp.MustCompile(`href='(/[^']*r\.git/)'`).FindAllStringSubmatch(front, -1) {
				if got := get(t, origin(url)+link[1]); !strings.Contains(got, "a file") {
					t.Errorf("%s: got %.300q; want the summary", link[1], got)
				}
			}
			g.git("", "clone", "--quiet", url+"/r.git", filepath.Join(t.TempDir(), "clone"))
		})
	}
}

// origin is a URL without its path.
func origin(url string) string { return regexp.MustCompile(`^http://[^/]+`).FindString(url) }

// checkPages requests each path, and wants a text in the page, or a status.
func checkPages(t *testing.T, url string, pages map[string]string) {
	t.Helper()
	for path, want := range pages {
		if got := get(t, url+path); !strings.Contains(got, want) {
			t.Errorf("%s: got %.300q; want %q in it", path, got, want)
		}
	}
}

// TestGitweb checks that gitweb's pages come from the script, and its style sheet from the folder
// beside it.
func TestGitweb(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "git")
	webserver.FindFile(t, "gitweb", "/usr/share/gitweb/gitweb.cgi")
	g := newSmallRepository(t)
	for _, f := range gitFronts {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			url := f.start(gitRecipe(t, g), "gitweb.cgi", "/gitweb")
			checkPages(t, url, map[string]string{
				"/":                                     "r.git",
				"/?p=r.git;a=summary":                   "shortlog",
				"/gitweb.cgi/r.git/shortlog/HEAD":       "a file",
				"/gitweb.cgi?p=r.git;a=tree;hb=HEAD":    "a file",
				"/gitweb.cgi?p=r.git;a=snapshot;sf=zip": "403",
				"/gitweb.cgi?p=nothing.git;a=summary":   "404",
				"/static/gitweb.css":                    "font-family",
				"/static/gitweb.js":                     "function",
				"/gitweb.cgi?p=r.git;a=rss":             "<rss",
				"/gitweb.cgi?a=project_index":           "r.git",
			})
			// the style sheet is the one that the page names
			name := regexp.MustCompile(`rel="stylesheet" type="text/css" href="([^"]+)"`).FindStringSubmatch(get(t, url+"/"))
			if name == nil || !strings.Contains(get(t, url+"/"+name[1]), "font-family") {
				t.Errorf("the page names the style sheet %q", name)
			}
		})
	}
}

// TestGitPushByName: with nginx's stock parameters, any name in the field Authorization lets a
// client push, and the line of the recipe prevents that.
func TestGitPushByName(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "git")
	g := newSmallRepository(t)
	g.git(g.bare, "config", "--unset", "http.receivepack")
	r := gitRecipe(t, g)
	r.serve("-l \"fastcgi", "git-http-backend")
	without := regexp.MustCompile("add `(fastcgi_param REMOTE_USER [^`]*;)`").FindStringSubmatch(r.text)
	if without == nil {
		t.Fatal("the recipe does not remove REMOTE_USER")
	}
	for line, want := range map[string]string{"": "200", without[1]: "403"} {
		c := *r
		c.text = strings.Replace(r.text, "\tfastcgi_pass unix:/run/git.sock;", line+"\n\tfastcgi_pass unix:/run/git.sock;", 1)
		host := strings.TrimPrefix(c.nginx(), "http://")
		for user, want := range map[string]string{"": "403", "anyone:anything@": want} {
			resp, err := http.Get("http://" + user + host + "/git/r.git/info/refs?service=git-receive-pack")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.Status[:3]; got != want {
				t.Errorf("user %q with %q: got %s; want %s", user, line, got, want)
			}
		}
	}
}
