package child

import (
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestChildInspect: the fields of /proc/PID/stat, with a program name that looks like other fields.
func TestChildInspect(t *testing.T) {
	dir := t.TempDir()
	name := dir + "/a) Z (1 4 4"
	if err := os.Symlink("/bin/sh", name); err != nil {
		t.Fatal(err)
	}
	theirs, stdin, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, output, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdout.Close()
	c, err := Start(Command{Path: name, Dir: dir, Args: []string{"sh", "-c", "read line"}, Files: []*os.File{theirs, output, output}})
	if err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	output.Close()
	// so that it is neither runnable nor about to end
	if err := unix.Kill(c.PID, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.awaitStop(t)
	if exiting, runnable := c.Inspect(); exiting || runnable {
		t.Errorf("stopped: got exiting %t, runnable %t; want neither", exiting, runnable)
	}
	unix.Kill(c.PID, unix.SIGCONT)
	stdin.Close()
	if _, err := io.Copy(io.Discard, stdout); err != nil {
		t.Error(err)
	}
	if exiting, _ := c.Inspect(); !exiting { // it closes its files because it exits
		t.Error("at the end of its output: got not exiting; want exiting")
	}
	c.Await()
	if exiting, runnable := c.Inspect(); !exiting || runnable {
		t.Errorf("a zombie: got exiting %t, runnable %t; want exiting alone", exiting, runnable)
	}
	c.Reap()
	if exiting, runnable := c.Inspect(); exiting || runnable {
		t.Errorf("gone: got exiting %t, runnable %t; want neither", exiting, runnable)
	}
}

// awaitStop waits until the child has stopped.
func (c *Child) awaitStop(t *testing.T) {
	t.Helper()
	var info unix.Siginfo
	if err := unix.Waitid(unix.P_PID, c.PID, &info, unix.WSTOPPED, nil); err != nil {
		t.Fatal(err)
	}
}
