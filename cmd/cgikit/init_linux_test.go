package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

const initPatience = 20 * time.Second

// container is "cgikit serve" as process 1 of a process namespace.
type container struct {
	*exec.Cmd
	url    string // where it serves
	init   int    // process 1, by its number outside
	server int    // its child that serves, likewise
}

// startContainer serves the target over HTTP as process 1.
func startContainer(t *testing.T, target string, env ...string) *container {
	t.Helper()
	unshare := webserver.Find(t, "unshare")
	if os.Getuid() != 0 {
		t.Skip("unshare: only root makes a process namespace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "cgikit") // the name by which TestMain runs the command
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	c := &container{Cmd: exec.Command(unshare, "--pid", "--fork", "--kill-child", program, "serve", "-l", "http://127.0.0.1:0", target)}
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "GORACE=atexit_sleep_ms=0"}, env...)
	stderr, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill() // an error means that it has ended
		c.Wait()
	})
	lines := bufio.NewScanner(stderr)
	for c.url == "" && lines.Scan() {
		_, c.url, _ = strings.Cut(lines.Text(), "serving address=")
	}
	if c.url == "" {
		t.Fatalf("it did not serve: %v", lines.Err())
	}
	go io.Copy(io.Discard, stderr)
	c.init = onlyChild(t, c.Process.Pid)
	c.server = onlyChild(t, c.init)
	return c
}

// children returns the processes whose parent is pid, zombies among them.
func children(pid int) (all []string) {
	// a child belongs to the thread that forked
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		list, _ := os.ReadFile(task) // a thread that has ended has none
		all = append(all, strings.Fields(string(list))...)
	}
	return all
}

func onlyChild(t *testing.T, pid int) int {
	t.Helper()
	all := children(pid)
	if len(all) != 1 {
		t.Fatalf("process %d has the children %q; want one", pid, all)
	}
	n, err := strconv.Atoi(all[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// wantStatus waits for unshare, which exits with the status of process 1.
func (c *container) wantStatus(t *testing.T, want int) {
	t.Helper()
	status := 0
	if exit := (*exec.ExitError)(nil); errors.As(c.Wait(), &exit) {
		status = exit.ExitCode()
	}
	if status != want {
		t.Errorf("process 1 exited with %d; want %d", status, want)
	}
}

// TestInitReaps checks that process 1 reaps the orphans of a script, and that package cgi still
// gets the script's exit status.
func TestInitReaps(t *testing.T) {
	script := filepath.Join(webserver.Dir(t), "orphan.cgi")
	const text = "#!/bin/sh\n(sleep 0.01 </dev/null >/dev/null 2>&1 &)\nprintf 'Content-Type: text/plain\\n\\nanswered'\n"
	if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	c := startContainer(t, "cgi:"+script)
	for range 5 {
		resp, err := http.Get(c.url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != "answered" || err != nil {
			t.Errorf("got %.300q, %v; want the script's answer", body, err)
		}
	}
	end := time.Now().Add(initPatience)
	for len(children(c.init)) != 1 {
		if time.Now().After(end) {
			t.Fatalf("process 1 has the children %q; want the server alone", children(c.init))
		}
		time.Sleep(time.Millisecond)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestInitForwardsSignals checks that a signal to process 1 drains the server, and that process 1
// exits with its status.
func TestInitForwardsSignals(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		toInit bool
		status int
	}{
		{"a stop signal drains", syscall.SIGTERM, true, 0},
		{"that of nginx's and php-fpm's images too", syscall.SIGQUIT, true, 0},
		{"the child is killed", syscall.SIGKILL, false, 128 + 9},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := startContainer(t, "demo:")
			pid := c.server
			if test.toInit {
				pid = c.init
			}
			if err := syscall.Kill(pid, test.signal); err != nil {
				t.Fatal(err)
			}
			c.wantStatus(t, test.status)
		})
	}
}

// TestInitUsage checks that a mistake in the command line is printed once, with its exit status.
func TestInitUsage(t *testing.T) {
	unshare := webserver.Find(t, "unshare")
	if os.Getuid() != 0 {
		t.Skip("unshare: only root makes a process namespace")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "cgikit")
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(unshare, "--pid", "--fork", program, "serve", "demo:").CombinedOutput()
	exit := (*exec.ExitError)(nil)
	if !errors.As(err, &exit) || exit.ExitCode() != cli.StatusUsage || strings.Count(string(out), "cgikit: ") != 1 {
		t.Errorf("got %v and %.300q; want exit status 2 and one message", err, out)
	}
}

// TestAdoptSockets checks that a child of process 1 adopts the sockets that were passed to its
// parent, and no others.
func TestAdoptSockets(t *testing.T) {
	parent, self := strconv.Itoa(os.Getppid()), strconv.Itoa(os.Getpid())
	for _, test := range []struct{ child, listen, want string }{
		{"1", parent, self},
		{"1", "12345678", "12345678"},
		{"", parent, parent},
	} {
		t.Setenv(childOfInit, test.child)
		t.Setenv("LISTEN_PID", test.listen)
		adoptSockets()
		if got := os.Getenv("LISTEN_PID"); got != test.want {
			t.Errorf("child %q, LISTEN_PID %s: got %s; want %s", test.child, test.listen, got, test.want)
		}
	}
}
