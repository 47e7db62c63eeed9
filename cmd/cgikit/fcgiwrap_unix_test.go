//go:build unix

package main

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// These tests compare fcgiwrap and "cgikit serve" behind one nginx with its stock parameters.

// wrapped is nginx in front of fcgiwrap, at /old, and of serve, at /new.
type wrapped struct {
	url string
	log string // the path of nginx's log
}

// besideFcgiwrap starts both for the folder dir/cgi. text is what a location has besides the stock
// parameters: in it, SITE is the folder, and /AT is /old or /new.
func besideFcgiwrap(t *testing.T, dir, text string, targets ...string) *wrapped {
	t.Helper()
	wrap := webserver.Find(t, "fcgiwrap")
	n := &neighbours{t: t, dir: dir}
	old := exec.Command(wrap, "-f", "-s", "unix:"+dir+"/old.sock")
	old.Env = wrapperEnvironment()
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		old.Process.Signal(syscall.SIGTERM)
		old.Wait()
	})
	n.waitForSocket(dir + "/old.sock")
	if err := os.Chmod(dir+"/old.sock", 0o666); err != nil {
		t.Fatal(err)
	}
	serveUntilEnd(t, append([]string{"-l", "fastcgi+unix:" + dir + "/new.sock?mode=0666", "--stderr", "server", "--inherit-env", "HOME", "--inherit-env", "OF_SERVICE"}, targets...)...)
	var locations strings.Builder
	if !strings.Contains(text, "REQUEST_METHOD") {
		text = "include fastcgi_params;\n" + text
	}
	for _, name := range []string{"old", "new"} {
		fmt.Fprintf(&locations, "location /%[1]s/ {\nrewrite ^/%[1]s(/.*)$ $1 break;\n%[2]s\nfastcgi_pass unix:%[3]s/%[1]s.sock;\n}\n",
			name, strings.ReplaceAll(text, "SITE", dir), dir)
	}
	url, log := runNginx(t, locations.String())
	return &wrapped{url: url, log: log}
}

// wrapperEnvironment is a small environment, as that of a service.
func wrapperEnvironment() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=/var/empty", "OF_SERVICE=yes", "SECRET=1"}
}

// ask requests a path from both.
func (w *wrapped) ask(t *testing.T, path, body string) (old, new string) {
	t.Helper()
	var got []string
	for _, name := range []string{"old", "new"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", w.url+"/"+name+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			r.Method = "POST"
			r.Header.Set("Content-Type", "text/plain")
		}
		r.Header.Set("Proxy", "http://evil.example")
		r.Header.Set("X-Own", "a, b")
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != 200 {
			text = []byte(resp.Status[:3])
		}
		got = append(got, string(text))
	}
	return got[0], got[1]
}

// environmentScript prints its working folder, its arguments, and its environment.
const environmentScript = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\necho \"ITS_FOLDER=$(pwd)\"\necho \"ITS_ARGUMENTS=$#$*\"\necho \"ITS_NAME=$0\"\nexec env\n"

func parseEnvironment(text string) map[string]string {
	variables := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		variables[name] = value
	}
	return variables
}

// unset stands for a variable that is not set, and anything for each value.
const (
	unset    = "(not set)"
	anything = "*"
)

// differences are the variables that a script gets otherwise than from fcgiwrap, and why.
var differences = map[string]struct{ old, new, why string }{
	"FCGI_ROLE":           {"RESPONDER", unset, "libfcgi adds it; it is no meta-variable of RFC 3875"},
	"HTTP_PROXY":          {anything, unset, "libraries for HTTP would take it for their proxy (CVE-2016-5386)"},
	"HTTP_CONTENT_LENGTH": {anything, unset, "a copy by nginx: the variable is CONTENT_LENGTH (RFC 3875 section 4.1.18)"},
	"HTTP_CONTENT_TYPE":   {anything, unset, "a copy by nginx: the variable is CONTENT_TYPE (RFC 3875 section 4.1.18)"},
	"SECRET":              {"1", unset, "--inherit-env does not name it; fcgiwrap passes on all of its own environment"},
	"CGIKIT_STRICT_EXIT":  {unset, "1", "tells programs of this module that serve can report their late failures"},
	"CONTENT_LENGTH":      {"", "0", "programs take an empty value for no number"},
	"REMOTE_HOST":         {unset, "127.0.0.1", "REMOTE_ADDR, as RFC 3875 section 4.1.9 says for a server that does not look up names"},
	"REMOTE_PORT":         {anything, anything, "of each request"},
	"SERVER_NAME":         {"", "localhost", "programs make URLs of it, so it is not empty (RFC 3875 section 4.1.14)"},
	"SCRIPT_FILENAME":     {unset, anything, "php-cgi and others find their script by it"},
	"PATH_INFO":           {unset, "", "RFC 3875 section 4.1.5: empty means the same as unset"},
	"PATH_TRANSLATED":     {unset, anything, "made from PATH_INFO (RFC 3875 section 4.1.6)"},
}

// TestEnvironmentAsFcgiwrap: a script gets the same environment, working folder and arguments as
// from fcgiwrap, but for the differences.
func TestEnvironmentAsFcgiwrap(t *testing.T) {
	for name, value := range parseEnvironment(strings.Join(wrapperEnvironment(), "\n")) {
		t.Setenv(name, value)
	}
	seen := make(map[string]bool)
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, text, path, body, folder string }{
		{"SCRIPT_FILENAME", "root SITE;\nfastcgi_param SCRIPT_FILENAME SITE$fastcgi_script_name;", "/cgi/env.cgi?a+b&c", "", ""},
		{"a body", "root SITE;\nfastcgi_param SCRIPT_FILENAME SITE$fastcgi_script_name;", "/cgi/env.cgi", "a body", ""},
		{"DOCUMENT_ROOT", "root SITE;", "/cgi/sub/env.cgi/path%20a", "", ""},
		{"split by nginx", "root SITE;\nfastcgi_split_path_info ^(/cgi/env.cgi)(.*)$;\nfastcgi_param PATH_INFO $fastcgi_path_info;\nfastcgi_param SCRIPT_FILENAME SITE$fastcgi_script_name;", "/cgi/env.cgi/a/b", "", ""},
		// fcgiwrap 1.1.0 does not know FCGI_CHDIR yet
		{"FCGI_CHDIR", "root SITE;\nfastcgi_param FCGI_CHDIR SITE/cgi/sub;", "/cgi/env.cgi", "", "SITE/cgi/sub"},
		{"no FCGI_CHDIR", "root SITE;\nfastcgi_param FCGI_CHDIR -;", "/cgi/env.cgi", "", here},
		{"own variables", "root SITE;\nfastcgi_param GIT_PROJECT_ROOT /srv/git;\nfastcgi_param EMPTY \"\";", "/cgi/env.cgi", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := makeFiles(t, map[string]string{"cgi/env.cgi": environmentScript, "cgi/sub/env.cgi": environmentScript})
			for _, targets := range [][]string{{"cgi:" + dir + "/cgi"}, {"cgi:" + dir + "/cgi/sub", "cgi:" + dir + "/cgi/env.cgi"}} {
				oldText, newText := besideFcgiwrap(t, webserver.Dir(t), strings.ReplaceAll(test.text, "SITE", dir), targets...).ask(t, test.path, test.body)
				old, new := parseEnvironment(oldText), parseEnvironment(newText)
				if old["ITS_NAME"] == "" {
					t.Fatalf("got %q from fcgiwrap", oldText)
				}
				if folder := strings.ReplaceAll(test.folder, "SITE", dir); folder != "" {
					old["ITS_FOLDER"], old["PWD"] = folder, folder
				}
				compareEnvironments(t, targets, old, new, seen)
			}
		})
	}
	for name := range differences {
		if !seen[name] {
			t.Errorf("%s is the same: remove it from the differences", name)
		}
	}
}

// compareEnvironments wants the same variables, but for the differences, which it adds to seen.
func compareEnvironments(t *testing.T, targets []string, old, new map[string]string, seen map[string]bool) {
	t.Helper()
	get := func(variables map[string]string, name string) string {
		if value, ok := variables[name]; ok {
			return strings.ReplaceAll(value, "/old/", "/new/") // nginx has a location for each
		}
		return unset
	}
	all := maps.Clone(old)
	maps.Copy(all, new)
	delete(all, "_") // of the shell
	for name := range all {
		was, is, known := get(old, name), get(new, name), differences[name]
		if was == is {
			continue
		}
		seen[name] = true
		if known.why == "" || known.old != anything && known.old != was || known.new != anything && known.new != is {
			t.Errorf("%v: %s: got %q; want the %q of fcgiwrap", targets, name, is, was)
		}
	}
}

// TestStatusesAsFcgiwrap compares what a client sees of scripts that cannot run or that fail, and
// what nginx logs of them.
func TestStatusesAsFcgiwrap(t *testing.T) {
	t.Parallel()
	const head = "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\n"
	dir := makeFiles(t, map[string]string{
		"cgi/fine.cgi": head + "echo fine", "cgi/status.cgi": "#!/bin/sh\nprintf 'Status: 418 Teapot\\nContent-Type: text/plain\\n\\n'",
		"cgi/exit.cgi": head + "echo fine; exit 3", "cgi/complain.cgi": head + "echo complaint >&2; echo fine", "cgi/nothing.cgi": "#!/bin/sh\n",
		"cgi/interpreter.cgi": "#!/no/such/interpreter\n", "cgi/plain.cgi": head, "other/fine.cgi": head + "echo fine",
	})
	if err := os.Chmod(dir+"/cgi/plain.cgi", 0o644); err != nil {
		t.Fatal(err)
	}
	const byName = "root SITE;\nfastcgi_param SCRIPT_FILENAME SITE$fastcgi_script_name;"
	for _, test := range []struct {
		text, path, old, new string
		logged               string // by nginx, of both
	}{
		{byName, "/cgi/fine.cgi", "fine\n", "fine\n", ""},
		{byName, "/cgi/status.cgi", "418", "418", ""},
		{byName, "/cgi/exit.cgi", "fine\n", "fine\n", ""},
		{byName, "/cgi/complain.cgi", "fine\n", "fine\n", "FastCGI sent in stderr: \"complaint"},
		{byName, "/cgi/nothing.cgi", "502", "502", ""},
		{byName, "/cgi/interpreter.cgi", "502", "502", "interpreter.cgi"},
		{byName, "/cgi/plain.cgi", "403", "403", "executable"},
		{byName, "/cgi", "403", "403", "FastCGI sent in stderr"},
		// fcgiwrap 1.1.0 ignores FCGI_CHDIR; newer versions answer 403
		{"fastcgi_param SCRIPT_FILENAME SITE/cgi/fine.cgi;\nfastcgi_param FCGI_CHDIR /no/such/folder;", "/x", "fine\n", "502", ""},
		// as in the manual of fcgiwrap, which has no slash at the beginning of SCRIPT_NAME
		{"fastcgi_param REQUEST_METHOD GET;\nfastcgi_param DOCUMENT_ROOT SITE/cgi/;\nfastcgi_param SCRIPT_NAME fine.cgi;", "/x", "fine\n", "fine\n", ""},
		// SCRIPT_NAME is sent twice: fcgiwrap uses the first value, and serve the last one, as
		// php-fpm does
		{"root SITE;\nfastcgi_param SCRIPT_NAME /cgi/fine.cgi;", "/cgi/status.cgi", "418", "fine\n", ""},
		// what does not exist is 404 by HTTP; fcgiwrap answers as if it were forbidden
		{byName, "/cgi/missing.cgi", "403", "404", "FastCGI sent in stderr"},
		{"root SITE;", "/cgi/missing.cgi/a", "403", "404", "FastCGI sent in stderr"},
		// the path after the script is PATH_INFO, also without fastcgi_split_path_info
		{byName, "/cgi/fine.cgi/a", "403", "fine\n", ""},
		// fcgiwrap runs each program of the machine that a request names
		{byName, "/other/fine.cgi", "fine\n", "403", ""},
	} {
		t.Run(test.path, func(t *testing.T) {
			t.Parallel()
			// two targets, since those of one folder are named by the URL's path too
			w := besideFcgiwrap(t, webserver.Dir(t), strings.ReplaceAll(test.text, "SITE", dir), "cgi:"+dir+"/cgi", "cgi:"+dir+"/cgi/fine.cgi")
			old, new := w.ask(t, test.path, "")
			if old != test.old || new != test.new {
				t.Errorf("got %q from fcgiwrap, and %q; want %q and %q", old, new, test.old, test.new)
			}
			w.waitForLog(t, test.logged)
		})
	}
}

// waitForLog waits until nginx has logged the text for both.
func (w *wrapped) waitForLog(t *testing.T, text string) {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^.*` + regexp.QuoteMeta(text) + `.*"GET /(old|new)/.*$`)
	seen := make(map[string]bool)
	for end := time.Now().Add(patience); text != "" && len(seen) < 2; time.Sleep(5 * time.Millisecond) {
		log, err := os.ReadFile(w.log)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range pattern.FindAllStringSubmatch(string(log), -1) {
			seen[m[1]] = true
		}
		if time.Now().After(end) {
			t.Fatalf("nginx has not logged %q for both, but for %v", text, seen)
		}
	}
}

// TestFcgiwrapRecipe runs the recipe: Debian's location, and a push and a clone by that of git.
func TestFcgiwrapRecipe(t *testing.T) {
	t.Parallel()
	g := newSmallRepository(t)
	files := makeFiles(t, map[string]string{"cgi-bin/show": showScript})
	r := findRecipe(t, "In the place of fcgiwrap")
	r.swap["root /usr/lib;"] = "root " + files + ";"
	r.swap["/usr/lib$fastcgi"] = files + "$fastcgi"
	r.swap["/usr/lib/cgi-bin"] = files + "/cgi-bin"
	r.swap["/usr/lib/git-core"] = strings.TrimSpace(g.git("", "--exec-path"))
	r.swap["/srv/git"] = filepath.Dir(g.bare)
	r.serve("fcgiwrap.socket")
	url := r.nginx()
	if got := get(t, url+"/cgi-bin/show/a/b"); got != "/cgi-bin/show|/a/b" {
		t.Errorf("got %q; want /cgi-bin/show|/a/b", got)
	}
	g.commit("more", 1000)
	g.git(g.work, "push", "--quiet", url+"/git/r.git", "main")
	clone := filepath.Join(t.TempDir(), "clone")
	g.git("", "clone", "--quiet", url+"/git/r.git", clone)
	if _, err := os.Stat(filepath.Join(clone, "more")); err != nil {
		t.Error(err)
	}
}
