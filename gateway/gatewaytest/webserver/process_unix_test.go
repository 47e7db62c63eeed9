//go:build unix

package webserver

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell starts a script and waits until it has written "ready".
func shell(t *testing.T, script string) *process {
	t.Helper()
	output := filepath.Join(t.TempDir(), "output")
	p, err := startProcess(exec.Command("/bin/sh", "-c", script), output)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.stop(0) })
	for deadline := time.Now().Add(startLimit); ; time.Sleep(pause) {
		if text, _ := os.ReadFile(output); strings.Contains(string(text), "ready") {
			return p
		}
		if time.Now().After(deadline) {
			t.Fatal("the script is not ready")
		}
	}
}

func TestStop(t *testing.T) {
	for _, test := range []struct {
		name, script string
		limit        time.Duration
		killed       bool
	}{
		{"ends when told", "echo ready; exec sleep 60", stopLimit, false},
		{"ended already", "echo ready", stopLimit, false},
		{"does not listen", "trap '' TERM; echo ready; while :; do sleep 1; done", 50 * time.Millisecond, true},
		{"leaves a child that does not listen", "(trap '' TERM; echo ready; while :; do sleep 1; done) & trap 'exit 0' TERM; wait", 50 * time.Millisecond, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := shell(t, test.script)
			if err := p.stop(test.limit); (err != nil) != test.killed {
				t.Errorf("got %v; want killed %t", err, test.killed)
			}
			for deadline := time.Now().Add(stopLimit); p.groupLives(); time.Sleep(pause) {
				if time.Now().After(deadline) {
					t.Fatal("a process of the group is still there")
				}
			}
		})
	}
}

// The server must not get the test's environment, so that a backend or a CGI program sees only what
// the server sets.
func TestEnvironmentIsNotInherited(t *testing.T) {
	t.Setenv("WEBSERVER_TEST_SECRET", "seen")
	p := shell(t, `echo "ready ${WEBSERVER_TEST_SECRET-unset}"`)
	<-p.exited
	if p.err != nil {
		t.Fatal(p.err)
	}
	text, err := os.ReadFile(p.cmd.Stdout.(*os.File).Name())
	if err != nil || !strings.Contains(string(text), "ready unset") {
		t.Errorf("got %q, %v; want the variable unset", text, err)
	}
}

func TestDirIsOpenToOthers(t *testing.T) {
	var dir string
	t.Run("test", func(t *testing.T) {
		dir = Dir(t)
		info, err := os.Stat(dir)
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Errorf("got %v, %v; want mode 0755", info, err)
		}
		if sock := filepath.Join(dir, "app.sock"); len(sock) > 104 {
			t.Errorf("%s is too long for a socket", sock)
		}
	})
	if _, err := os.Stat(dir); err == nil {
		t.Errorf("%s was not removed", dir)
	}
}

// Apache accepts connections before mod_cgid's daemon does, and answers 503 until then.
func TestDaemonReady(t *testing.T) {
	s := &Server{Dir: t.TempDir()}
	if s.daemonReady() {
		t.Error("ready without a socket")
	}
	socket := filepath.Join(s.Dir, "cgid.sock.123")
	if err := os.WriteFile(socket, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if !s.daemonReady() {
		t.Error("not ready, though the socket is there")
	}
	if os.Geteuid() != 0 {
		return // only root can change the owner of a file
	}
	if err := os.Chown(s.Dir, 1, 1); err != nil {
		t.Fatal(err)
	}
	if s.daemonReady() {
		t.Error("ready before the socket belongs to the workers")
	}
}
