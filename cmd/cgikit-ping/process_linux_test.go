package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

const self = "github.com/cgikit/cgikit/cmd/cgikit-ping"

// result is what the program did.
type result struct {
	stdout, stderr string
	status         int
}

func execute(t *testing.T, c *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	err := c.Run()
	if err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatalf("%s: %v", c, err)
	}
	return result{stdout.String(), stderr.String(), c.ProcessState.ExitCode()}
}

// TestPermission: a user who may not use a socket is told its mode and owner, or those of the
// folder that is closed, and the user's own name.
func TestPermission(t *testing.T) {
	dir := webserver.Dir(t)
	program := build(t, dir, self)
	if err := os.Mkdir(filepath.Join(dir, "closed"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"s": "hint: the socket is 0000 ", "closed/s": "hint: the folder " + dir + "/closed is 0000 "} {
		socket := filepath.Join(dir, name)
		l, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		closed := socket
		if name != "s" {
			closed = filepath.Dir(socket)
		}
		if err := os.Chmod(closed, 0); err != nil {
			t.Fatal(err)
		}
		defer os.Chmod(closed, 0o755)
		c := exec.Command(program, "--timeout=1m", "fastcgi+unix:"+socket)
		if os.Getuid() == 0 { // root may use every socket
			c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 12345, Gid: 12345}}
		}
		got := execute(t, c)
		if got.status != 1 || got.stdout != "dead: connect "+socket+": permission denied\n" || !strings.HasPrefix(got.stderr, want) || !strings.Contains(got.stderr, "and this is ") {
			t.Errorf("got %+v; want %q", got, want)
		}
	}
}

// TestOtherNetwork: the queue of a socket of another network namespace, such as that of another
// container, is not known. That is no error.
func TestOtherNetwork(t *testing.T) {
	program := build(t, t.TempDir(), self)
	target := "fastcgi+unix:" + serveApp(t)
	if got := execute(t, exec.Command(program, "--timeout=1m", target)); got.status != 0 || !strings.Contains(got.stdout, ", queue 0 of ") {
		t.Errorf("got %+v", got)
	}
	c := exec.Command(program, "--timeout=1m", target)
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
	}
	if got := execute(t, c); got.status != 0 || !strings.HasPrefix(got.stdout, "ok: FastCGI at ") || !strings.HasSuffix(got.stdout, ", queue unknown\n") || got.stderr != "" {
		t.Errorf("got %+v; want ok and queue unknown", got)
	}
}

// TestNoSockDiag has strace refuse the question to the kernel, as a seccomp filter does. Then a TCP
// connection that times out is dead, and not busy: it is not known that the queue is full.
func TestNoSockDiag(t *testing.T) {
	strace := webserver.Find(t, "strace")
	program := build(t, t.TempDir(), self)
	refused := func(timeout, target string) *exec.Cmd {
		return exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "-e", "trace=sendto", "-e", "inject=sendto:error=EPERM", program, "--timeout="+timeout, target)
	}
	app := "fastcgi+unix:" + serveApp(t)
	if got := execute(t, refused("1m", app)); got.status != 0 || !strings.HasSuffix(got.stdout, ", queue unknown\n") || got.stderr != "" {
		t.Errorf("got %+v; want ok and queue unknown", got)
	}
	target := "fastcgi://" + fullQueue(t)
	want := "busy: connect " + strings.TrimPrefix(target, "fastcgi://") + ": timed out\n"
	if got := execute(t, exec.Command(program, "--timeout=400ms", target)); got.status != 1 || got.stdout != want || !strings.Contains(got.stderr, "is full") {
		t.Errorf("got %+v; want %q", got, want)
	}
	want = strings.Replace(strings.TrimSuffix(want, "\n"), "busy", "dead", 1) + ", queue unknown\n"
	if got := execute(t, refused("2s", target)); got.status != 1 || got.stdout != want {
		t.Errorf("got %+v; want %q", got, want)
	}
}

// fullQueue listens at a TCP address and has as many connections as its queue holds.
func fullQueue(t *testing.T) (address string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	err = errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 1))
	bound, nameErr := unix.Getsockname(fd)
	if err != nil || nameErr != nil {
		t.Fatal(err, nameErr)
	}
	address = fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port)
	for range 2 { // Linux takes one more than the backlog
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
	return address
}

// TestInterrupt: SIGINT and SIGTERM end a probe that waits at once, with exit status 130.
func TestInterrupt(t *testing.T) {
	program := build(t, t.TempDir(), self)
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		var stdout, stderr bytes.Buffer
		c := exec.Command(program, "--wait=1h", "--timeout=1h", "scgi://"+l.Addr().String())
		c.Stdout, c.Stderr = &stdout, &stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.ReadFull(conn, make([]byte, 1)) // it has asked, so it catches signals
		c.Process.Signal(sig)
		c.Wait()
		if c.ProcessState.ExitCode() != 130 || stdout.Len() > 0 || stderr.Len() > 0 {
			t.Errorf("%v: got %v, %q and %q; want exit status 130", sig, c.ProcessState, stdout.String(), stderr.String())
		}
	}
}
