//go:build unix

package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// Users of the test below: one runs the server, the other has made a link.
const (
	servingUser = 54320
	otherUser   = 54321
)

// TestLinksOfOthers runs serve as an unprivileged user. It follows the links of Debian's packages
// out of the folder, and does not follow another user's links.
func TestLinksOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give links away, and start a process as another user")
	}
	top := webserver.Dir(t)
	for name, text := range map[string]string{
		"usr/share/gitweb/gitweb.cgi":    "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\ngitweb\\n'\n",
		"usr/share/gitweb/secret.cgi":    "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nsecret\\n'\n",
		"usr/share/javascript/jquery.js": "jquery\n",
		"etc/secret":                     "secret\n",
	} {
		path := filepath.Join(top, name)
		mustDo(t, os.MkdirAll(filepath.Dir(path), 0o755))
		mustDo(t, os.WriteFile(path, []byte(text), 0o755))
	}
	for name, target := range map[string]string{
		"usr/lib/cgi-bin/gitweb.cgi":  "../../share/gitweb/gitweb.cgi",
		"usr/lib/cgi-bin/planted.cgi": "../../share/gitweb/secret.cgi",
		"usr/share/phpmyadmin/js":     "../javascript",
		"usr/share/phpmyadmin/mine":   "../../../etc/secret",
	} {
		path := filepath.Join(top, name)
		mustDo(t, os.MkdirAll(filepath.Dir(path), 0o755))
		mustDo(t, os.Symlink(target, path))
	}
	for _, name := range []string{"usr/lib/cgi-bin/planted.cgi", "usr/share/phpmyadmin/mine"} {
		mustDo(t, os.Lchown(filepath.Join(top, name), otherUser, otherUser))
	}
	for _, c := range []struct {
		target, path string
		status       int
		body, log    string
	}{
		{"cgi:usr/lib/cgi-bin", "/gitweb.cgi/x", 200, "gitweb\n", ""},
		{"cgi:usr/lib/cgi-bin", "/planted.cgi", 403, "", `planted.cgi" of user 54321 is not followed: it leads to `},
		{"files:usr/share/phpmyadmin", "/js/jquery.js", 200, "jquery\n", ""},
		{"files:usr/share/phpmyadmin", "/mine", 404, "", `mine" of user 54321 is not followed: it leads to `},
	} {
		url, log := serveAs(t, top, servingUser, c.target)
		resp, err := http.Get(url + c.path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || c.body != "" && string(body) != c.body || strings.Contains(string(body), "secret") || err != nil {
			t.Errorf("%s%s: got %s, %.300q, %v; want %d %q", c.target, c.path, resp.Status, body, err, c.status, c.body)
		}
		if got := log(); !strings.Contains(got, c.log) || strings.Count(got, "not followed") != strings.Count(c.log, "not followed") {
			t.Errorf("%s%s: got the log %q; want %q", c.target, c.path, got, c.log)
		}
	}
}

func mustDo(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// serveAs starts the command as another user. It returns the address, and a function that stops the
// command and returns its log.
func serveAs(t *testing.T, dir string, uid uint32, args ...string) (url string, log func() string) {
	t.Helper()
	program := filepath.Join(webserver.Dir(t), "cgikit")
	self, err := os.Executable()
	mustDo(t, err)
	bytes, err := os.ReadFile(self)
	mustDo(t, err)
	mustDo(t, os.WriteFile(program, bytes, 0o755))
	c := exec.Command(program, append([]string{"serve", "-l", "http://127.0.0.1:0"}, args...)...)
	c.Dir, c.Env = dir, []string{"PATH=" + os.Getenv("PATH")}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	stderr, err := c.StderrPipe()
	mustDo(t, err)
	mustDo(t, c.Start())
	lines, text := bufio.NewReader(stderr), ""
	stop := sync.OnceFunc(func() {
		c.Process.Signal(syscall.SIGTERM)
		rest, _ := io.ReadAll(lines)
		text += string(rest)
		c.Wait()
	})
	t.Cleanup(stop)
	for said := regexp.MustCompile(`serving address=(http://[^/\s]+)`); ; {
		line, err := lines.ReadString('\n')
		if text += line; err != nil {
			t.Fatalf("the process does not serve: %v\n%s", err, text)
		}
		if m := said.FindStringSubmatch(line); m != nil {
			return m[1], func() string {
				stop()
				return text
			}
		}
	}
}
