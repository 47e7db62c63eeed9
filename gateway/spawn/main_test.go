//go:build unix

package spawn_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/gateway/launch"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// programVariable makes the test binary a program to spawn, or a manager of programs.
const programVariable = "CGIKIT_TEST_PROGRAM"

func init() {
	if os.Getenv(programVariable) != "" {
		runtime.LockOSThread() // child.Waits looks at the main thread
	}
}

func TestMain(m *testing.M) {
	if name := os.Getenv(programVariable); name != "" {
		os.Exit(programs[name]())
	}
	os.Exit(leaks.Run(m))
}

// programs are the programs under test. Each returns its exit status.
var programs = map[string]func() int{
	"serve":    serve,
	"broken":   broken,
	"stubborn": stubborn,
	"accept":   accept,
	"marked":   marked,
	"parent":   parent,
	"manager":  manage,
}

// serve answers requests with its process id. It finishes them after SIGTERM.
func serve() int {
	err := launch.Run(context.Background(), gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprint(w, os.Getpid())
		return err
	}))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func broken() int {
	fmt.Fprintln(os.Stderr, "cannot open the database")
	return 3
}

// stubborn ignores SIGTERM and accepts nothing.
func stubborn() int {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("ignoring")
	select {}
}

// accept accepts as programs in C do, and closes each connection.
func accept() int {
	for {
		fd, _, err := syscall.Accept(0)
		if err == nil {
			syscall.Close(fd)
		}
	}
}

// marked serves if the file exists that the folder of the process has at first.
func marked() int {
	if _, err := os.Stat("mark"); err != nil {
		return broken()
	}
	return serve()
}

// parent starts a process in its group, and writes the id of it.
func parent() int {
	c := exec.Command("sleep", "1000")
	if err := c.Start(); err != nil {
		return 1
	}
	fmt.Println("child", c.Process.Pid)
	select {}
}

// manage runs a Pool of two workers and writes their ids.
func manage() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 1
	}
	p := newPool("accept")
	p.Min = 2
	go p.Run(context.Background(), l)
	for p.Stats().Workers < 2 {
		time.Sleep(time.Millisecond)
	}
	fmt.Println(childrenOf(os.Getpid()))
	select {}
}

// newPool returns a Pool of one worker that runs a program of the test binary.
func newPool(program string) *spawn.Pool {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return &spawn.Pool{Path: self, Env: append(os.Environ(), programVariable+"="+program, "GORACE=atexit_sleep_ms=0")}
}

// running is a Pool under test.
type running struct {
	*spawn.Pool
	addr   string
	cancel context.CancelFunc
	ended  chan error
}

// start runs a Pool on a new socket until the test ends.
func start(t *testing.T, p *spawn.Pool) *running {
	t.Helper()
	l, err := listen.ListenFor("fastcgi", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Pool: p, addr: l.Addr().String(), cancel: cancel, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer l.Close()
		r.ended <- p.Run(ctx, l)
	}()
	t.Cleanup(func() {
		cancel()
		p.Kill()
		<-done
	})
	return r
}

// wait returns the result of Run.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(patience):
		t.Fatal("Run does not return")
		return nil
	}
}

const patience = 60 * time.Second

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after %v there is still not: %s", patience, what)
		}
	}
}
