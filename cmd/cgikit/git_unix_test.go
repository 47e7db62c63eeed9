//go:build unix

package main

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
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

// serve starts git http-backend below each repository's folder.
func (g *repository) serve(f front) string {
	g.t.Helper()
	backend := filepath.Join(strings.TrimSpace(g.git("", "--exec-path")), "git-http-backend")
	env := []string{"GIT_PROJECT_ROOT=" + filepath.Dir(g.bare), "GIT_HTTP_EXPORT_ALL=1", "REMOTE_USER=pusher"}
	return f.open(g.t, "cgi:"+backend, targetOptions{env: env}) + "/r.git"
}

// TestGitHTTPBackend pushes 24 MB, which git sends chunked, and clones them, both by git's own
// program.
func TestGitHTTPBackend(t *testing.T) {
	t.Parallel()
	webserver.Find(t, "git")
	const size = 24 << 20
	first := newRepository(t)
	content := first.commit("large", size)
	for _, f := range realFronts {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			g := first.mirror(t)
			url := g.serve(f)
			g.git(g.work, "push", "--quiet", url, "main")
			clone := filepath.Join(t.TempDir(), "clone")
			g.git("", "-c", "protocol.version=2", "clone", "--quiet", url, clone)
			got, err := os.ReadFile(filepath.Join(clone, "large"))
			if err != nil || !bytes.Equal(got, content) {
				t.Errorf("the clone has %d bytes, %v; want the %d that were pushed", len(got), err, size)
			}
			head := strings.TrimSpace(g.git(g.work, "rev-parse", "HEAD"))
			if refs := g.git("", "-c", "protocol.version=0", "ls-remote", url); !strings.Contains(refs, head) {
				t.Errorf("version 0 of the protocol: got %.300q; want %s in it", refs, head)
			}
			askByHand(t, url, head)
		})
	}
}

// askByHand checks two things that a successful clone does not show: the field Git-Protocol
// arrives, and a compressed request body arrives unchanged, with its Content-Encoding.
func askByHand(t *testing.T, url, head string) {
	t.Helper()
	advertised := askGit(t, "GET", url+"/info/refs?service=git-upload-pack", nil)
	if !strings.Contains(advertised, "version 2\n") {
		t.Errorf("got %.100q; want version 2 of the protocol", advertised)
	}
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	io.WriteString(z, "0014command=ls-refs\n00010000")
	z.Close()
	if refs := askGit(t, "POST", url+"/git-upload-pack", &body); !strings.Contains(refs, head+" refs/heads/main\n") {
		t.Errorf("a compressed request: got %.200q; want the ref of %s", refs, head)
	}
}

func askGit(t *testing.T, method, url string, body io.Reader) string {
	t.Helper()
	r, err := http.NewRequest(method, url, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Git-Protocol", "version=2")
	if body != nil {
		r.Header.Set("Content-Type", "application/x-git-upload-pack-request")
		r.Header.Set("Content-Encoding", "gzip")
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Errorf("%s %s: got %s, %v", method, url, resp.Status, err)
	}
	return string(got)
}

// TestGitweb checks that gitweb's pages come from the script, and its style sheet from the folder
// beside it.
func TestGitweb(t *testing.T) {
	t.Parallel()
	const root = "/usr/share/gitweb"
	webserver.Find(t, "git")
	webserver.FindFile(t, "gitweb", root+"/gitweb.cgi")
	g := newRepository(t)
	g.commit("a file", 10)
	g.git(g.work, "push", "--quiet", g.bare, "main")
	config := filepath.Join(t.TempDir(), "gitweb.conf")
	if err := os.WriteFile(config, []byte("$projectroot = '"+filepath.Dir(g.bare)+"'; $feature{'pathinfo'}{'default'} = [1]; 1;"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := targetOptions{
		root: root, splitPath: []string{".cgi"}, index: []string{"index.cgi"}, site: siteOptions{fallback: "/gitweb.cgi"},
		env: []string{"GITWEB_CONFIG=" + config, "HOME=" + t.TempDir()},
	}
	for _, f := range realFronts {
		t.Run(f.name(), func(t *testing.T) {
			t.Parallel()
			url := f.open(t, "cgi:"+root+"/gitweb.cgi", o)
			for path, want := range map[string]string{
				"/":                                     "r.git",
				"/gitweb.cgi?p=r.git;a=summary":         "shortlog",
				"/gitweb.cgi/r.git/shortlog/HEAD":       "a file",
				"/gitweb.cgi?p=r.git;a=tree;hb=HEAD":    "a file",
				"/gitweb.cgi?p=r.git;a=snapshot;sf=zip": "403",
				"/gitweb.cgi?p=nothing.git;a=summary":   "404",
				"/static/gitweb.css":                    "font-family",
				"/static/gitweb.js":                     "function",
				"/gitweb.cgi?p=r.git;a=rss":             "<rss",
				"/gitweb.cgi?a=project_index":           "r.git",
			} {
				if got := get(t, url+path); !strings.Contains(got, want) {
					t.Errorf("%s: got %.300q; want %q in it", path, got, want)
				}
			}
		})
	}
}
