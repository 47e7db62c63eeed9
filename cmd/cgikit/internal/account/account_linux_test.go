package account

import (
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/child"
)

// TestFind: names and numbers, of which some are not in the lists of the system.
func TestFind(t *testing.T) {
	for _, test := range []struct {
		name, want string
	}{
		{"root", "0 0"}, {"0", "0 0"}, {"123456", "123456 123456"}, {"123456:7", "123456 7"}, {"root:root", "0 0"},
		{"no-such-user", `user "no-such-user" does not exist`}, {"root:no-such-group", `group "no-such-group" does not exist`},
		{"", `user "" does not exist`}, {"root:", `group "" does not exist`}, {"-1", `user "-1" does not exist`}, {"4294967295", `user "4294967295" does not exist`},
	} {
		c, err := Find(test.name)
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = strconv.Itoa(int(c.UID)) + " " + strconv.Itoa(int(c.GID))
		}
		if got != test.want {
			t.Errorf("%s: got %s; want %s", test.name, got, test.want)
		}
	}
}

// TestFindGroups: the groups are those that id(1) prints.
func TestFindGroups(t *testing.T) {
	this, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("id", "-G", this.Username).Output()
	if err != nil {
		t.Skip(err)
	}
	var want []uint32
	for _, s := range strings.Fields(string(out)) {
		n, _ := strconv.ParseUint(s, 10, 32)
		want = append(want, uint32(n))
	}
	c, err := Find(this.Username)
	if err != nil || !slices.Equal(slices.Sorted(slices.Values(c.Groups)), slices.Sorted(slices.Values(want))) {
		t.Errorf("got %v, %v; want %v", c, err, want)
	}
}

// TestCheckRun: a user may run what the modes of the file and of the folders on the way allow, and
// this process stays the user that it is.
func TestCheckRun(t *testing.T) {
	if os.Geteuid() != 0 || runtime.GOARCH == "386" || runtime.GOARCH == "arm" {
		t.Skip("only root can check")
	}
	dir, err := os.MkdirTemp("", "account-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	closed, path := filepath.Join(dir, "closed"), filepath.Join(dir, "closed", "script")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o700); err != nil {
		t.Fatal(err)
	}
	c := &child.Credential{UID: 65534, GID: 65533, Groups: []uint32{65532}}
	want := func(what string, err error, path, action string) {
		t.Helper()
		bad := new(AccessError)
		if !errors.As(err, &bad) || bad.Path != path || bad.Action != action {
			t.Errorf("%s: got %v; want that it may not %s %s", what, err, action, path)
		}
	}
	chmod := func(path string, mode os.FileMode, gid int) {
		t.Helper()
		if err := errors.Join(os.Chown(path, 0, gid), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	want("a folder above", CheckRun(c, path, false), dir, "enter")
	chmod(dir, 0o755, 0)
	want("a folder", CheckRun(c, path, false), closed, "enter")
	chmod(closed, 0o750, 65532) // by a supplementary group
	want("a script", CheckRun(c, path, false), path, "execute")
	chmod(path, 0o711, 0)
	want("a script without reading", CheckRun(c, path, true), path, "read")
	if err := CheckRun(c, path, false); err != nil {
		t.Errorf("a program: got %v", err)
	}
	chmod(path, 0o750, 65533)
	if err := CheckRun(c, path, true); err != nil {
		t.Errorf("by the group: got %v", err)
	}
	real, effective, saved := unix.Getresuid()
	if real+effective+saved != 0 {
		t.Errorf("this process has the users %d, %d and %d", real, effective, saved)
	}
}
