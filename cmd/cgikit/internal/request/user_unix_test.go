//go:build unix

package request

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// TestUser: a script runs as the user of --user, by name and by number; only root can change it.
func TestUser(t *testing.T) {
	if os.Geteuid() != 0 {
		r := &Request{}
		r.RunAs = "root"
		if err := r.setUser(new(cgi.Script)); cli.Status(err) != cli.StatusFailure || !strings.Contains(cli.Hint(err), "only root can") {
			t.Errorf("got %v, hint %q", err, cli.Hint(err))
		}
		return
	}
	account, err := user.Lookup("nobody")
	if err != nil {
		t.Skip("this system has no account with the name nobody")
	}
	dir, err := os.MkdirTemp("", "request")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	script := filepath.Join(dir, "who")
	if err := os.WriteFile(script, []byte("#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n'\nid -u\nid -g\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nobody", account.Uid} {
		stdout, _, err := ask(t, "cgi:"+script, func(r *Request) { r.RunAs = name })
		if want := account.Uid + "\n" + account.Gid + "\n"; stdout != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", name, stdout, err, want)
		}
	}
	stdout, _, err := ask(t, "cgi:"+script, func(r *Request) { r.RunAs = "64321:64322" })
	if stdout != "64321\n64322\n" || err != nil {
		t.Errorf("numbers without names: got %q, %v", stdout, err)
	}
	_, _, err = ask(t, "cgi:"+script, func(r *Request) { r.RunAs = "no-such-user" })
	if cli.Status(err) != cli.StatusUsage {
		t.Errorf("got %v for a user that is not known", err)
	}
}
