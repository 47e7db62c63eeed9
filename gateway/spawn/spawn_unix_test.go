//go:build unix

package spawn_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
	"github.com/cgikit/cgikit/gateway/spawn"
	"github.com/cgikit/cgikit/util"
)

// pidOf returns the process id of the worker that answers.
func pidOf(c *fastcgi.Client) (int, error) {
	resp, err := c.RoundTrip(&gateway.Request{Environ: util.EnvironFromMap(map[string]string{"REQUEST_METHOD": "GET"})})
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(body))
}

// client returns a client that makes a new connection for each request.
func client(t *testing.T, r *running) *fastcgi.Client {
	t.Helper()
	c := &fastcgi.Client{Addr: r.addr, MaxIdleConns: -1}
	t.Cleanup(func() { c.Close() })
	return c
}

func gone(pid int) bool { return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// TestWorkerReplaced: a worker that is killed is replaced, and no worker remains after Run.
func TestWorkerReplaced(t *testing.T) {
	t.Parallel()
	p := newPool("serve")
	p.Min = 2
	log := new(nettest.Log)
	p.Log = log.Logger()
	r := start(t, p)
	c := client(t, r)
	first, err := pidOf(c)
	if err != nil {
		t.Fatal(err)
	}
	syscall.Kill(first, syscall.SIGKILL)
	eventually(t, "a third worker", func() bool { s := p.Stats(); return s.Started == 3 && s.Workers == 2 && s.Crashed == 1 })
	second, err := pidOf(c)
	if err != nil || second == first {
		t.Errorf("after the end of worker %d: got %d, %v", first, second, err)
	}
	if text := log.String(); !strings.Contains(text, "signal: killed") {
		t.Errorf("the log has no reason:\n%.2000s", text)
	}
	r.cancel()
	if err := r.wait(t); err != nil {
		t.Errorf("got %v; want nil", err)
	}
	if !gone(second) || p.Stats().Workers+p.Stats().Stopping != 0 {
		t.Errorf("after Run there are %+v", p.Stats())
	}
}

func TestCrashLoop(t *testing.T) {
	t.Parallel()
	p := newPool("broken")
	p.Min, p.Log = 3, slog.New(slog.DiscardHandler)
	err := start(t, p).wait(t)
	crash := (*spawn.CrashError)(nil)
	if !errors.As(err, &crash) || crash.Output != "cannot open the database" || crash.Reason != "exit status 3" || crash.Times != 5 {
		t.Errorf("got %v; want a CrashError after 5 times", err)
	}
}

// TestEndsAtOnce: a program that ends with exit status 0 at once, and has written nothing,
// is in a crash loop too.
func TestEndsAtOnce(t *testing.T) {
	t.Parallel()
	p := &spawn.Pool{Path: "/bin/sh", Args: []string{"-c", "echo usage: x"}, Log: slog.New(slog.DiscardHandler)}
	err := start(t, p).wait(t)
	if crash := (*spawn.CrashError)(nil); !errors.As(err, &crash) || crash.Output != "usage: x" {
		t.Errorf("got %v; want a CrashError", err)
	}
}

func TestNoProgram(t *testing.T) {
	t.Parallel()
	err := start(t, &spawn.Pool{Path: "/nowhere/program"}).wait(t)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want %v", err, fs.ErrNotExist)
	}
}

func TestCheck(t *testing.T) {
	for _, p := range []*spawn.Pool{{}, {Path: "x", Min: -1}, {Path: "x", Min: 3, Max: 2}, {Path: "x", Min: 2, Start: 1}, {Path: "x", Max: 2, Start: 3}} {
		if err := p.Check(); err == nil {
			t.Errorf("Min %d, Max %d, Start %d: no error", p.Min, p.Max, p.Start)
		}
	}
	if err := (&spawn.Pool{Path: "x", Max: 3, Start: 2}).Check(); err != nil {
		t.Error(err)
	}
}

// TestStopTimeout: a worker that ignores the signal is killed.
func TestStopTimeout(t *testing.T) {
	t.Parallel()
	p := newPool("stubborn")
	log := new(nettest.Log)
	p.StopTimeout, p.Log = time.Millisecond, log.Logger()
	r := start(t, p)
	eventually(t, "its line", func() bool { return strings.Contains(log.String(), "ignoring") })
	r.cancel()
	if err := r.wait(t); err != nil || p.Stats().Killed != 1 {
		t.Errorf("got %v, %+v; want one worker killed", err, p.Stats())
	}
}

// TestGroup: what a worker has started ends with it.
func TestGroup(t *testing.T) {
	t.Parallel()
	p := newPool("parent")
	log := new(nettest.Log)
	p.Log = log.Logger()
	r := start(t, p)
	grandchild := 0
	eventually(t, "its line", func() bool {
		match := regexp.MustCompile("child ([0-9]+)").FindStringSubmatch(log.String())
		if match == nil {
			return false
		}
		grandchild, _ = strconv.Atoi(match[1])
		return true
	})
	r.cancel()
	if err := r.wait(t); err != nil {
		t.Error(err)
	}
	eventually(t, "the end of the worker's process", func() bool { return gone(grandchild) || isZombie(grandchild) })
}

// TestReload: all workers are replaced while requests come, and none is lost.
func TestReload(t *testing.T) {
	t.Parallel()
	p := newPool("serve")
	p.Min, p.Log = 3, slog.New(slog.DiscardHandler)
	r := start(t, p)
	c := client(t, r)
	eventually(t, "workers", func() bool { return p.Stats().Workers == 3 })
	var stop atomic.Bool
	var requests, failures atomic.Int64
	var seen sync.Map
	var clients sync.WaitGroup
	for range 2 * pressing {
		clients.Go(func() {
			for !stop.Load() {
				pid, err := pidOf(c)
				requests.Add(1)
				if err != nil {
					failures.Add(1)
					t.Errorf("request: %.300v", err)
					return
				}
				seen.Store(pid, true)
				time.Sleep(pressPause)
			}
		})
	}
	eventually(t, "some requests", func() bool { return requests.Load() > 50 || failures.Load() > 0 })
	for n := range uint64(2) {
		p.Reload()
		eventually(t, "the reload", func() bool { s := p.Stats(); return s.Reloads == n+1 && s.Stopping == 0 })
		before := requests.Load()
		eventually(t, "more requests", func() bool { return requests.Load() > before+50 || failures.Load() > 0 })
	}
	stop.Store(true)
	clients.Wait()
	if s := p.Stats(); s.Started != 9 || s.Crashed+s.Ended+s.Killed != 0 {
		t.Errorf("got %+v; want 9 workers started", s)
	}
	t.Logf("%d requests, %d lost", requests.Load(), failures.Load())
}

// TestReloadKeepsOld: if the new workers fail, the old ones serve on.
func TestReloadKeepsOld(t *testing.T) {
	t.Parallel()
	p := newPool("marked")
	p.Dir = t.TempDir()
	mark := filepath.Join(p.Dir, "mark")
	if err := os.WriteFile(mark, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	log := new(nettest.Log)
	p.Log = log.Logger()
	r := start(t, p)
	first, err := pidOf(client(t, r))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(mark); err != nil {
		t.Fatal(err)
	}
	p.Reload()
	eventually(t, "its line", func() bool { return strings.Contains(log.String(), "the old ones remain") })
	if now, err := pidOf(client(t, r)); err != nil || now != first {
		t.Errorf("got an answer of %d, %v; want of %d", now, err, first)
	}
	if !strings.Contains(log.String(), "cannot open the database") {
		t.Errorf("the log has no reason:\n%.2000s", log)
	}
}

// TestScale: workers are added while requests wait, and stopped when none has waited for Idle.
func TestScale(t *testing.T) {
	t.Parallel()
	var waiting atomic.Int64
	waiting.Store(3)
	p := newPool("accept")
	p.Max, p.Idle, p.Log = 3, time.Millisecond, slog.New(slog.DiscardHandler)
	p.Waiting = func() (int, bool) { return int(waiting.Load()), true }
	start(t, p)
	eventually(t, "three workers", func() bool { return p.Stats().Workers == 3 })
	waiting.Store(0)
	if !canWait {
		return
	}
	eventually(t, "one worker", func() bool { s := p.Stats(); return s.Workers == 1 && s.Stopping == 0 })
	if s := p.Stats(); s.Started != 3 || s.Crashed != 0 {
		t.Errorf("got %+v; want 3 started, and no crash", s)
	}
}

// TestUnknownQueue: the number of workers stays, and the log says why.
func TestUnknownQueue(t *testing.T) {
	t.Parallel()
	p := newPool("accept")
	log := new(nettest.Log)
	p.Max, p.Start, p.Log = 4, 2, log.Logger()
	p.Waiting = func() (int, bool) { return 0, false }
	start(t, p)
	eventually(t, "its line", func() bool { return strings.Contains(log.String(), "cannot be read") })
	eventually(t, "two workers", func() bool { return p.Stats().Workers == 2 })
}

func TestMaxAge(t *testing.T) {
	t.Parallel()
	p := newPool("accept")
	p.MaxAge, p.Log = time.Millisecond, slog.New(slog.DiscardHandler)
	start(t, p)
	eventually(t, "new workers", func() bool { return p.Stats().Started > 2 })
	if s := p.Stats(); s.Crashed != 0 {
		t.Errorf("got %+v; want no crash", s)
	}
}

func TestEnviron(t *testing.T) {
	t.Setenv("CGIKIT_SECRET", "x")
	t.Setenv("LISTEN_PID", "1")
	t.Setenv("KEPT", "CGIKIT_")
	env := spawn.Environ()
	for _, v := range env {
		if strings.HasPrefix(v, "CGIKIT_") || strings.HasPrefix(v, "LISTEN_PID") {
			t.Errorf("has %q", v)
		}
	}
	if !slices.Contains(env, "KEPT=CGIKIT_") {
		t.Error("has no KEPT")
	}
}

// TestListenerWithoutDescriptor: it is an error, and no worker starts.
func TestListenerWithoutDescriptor(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	err = newPool("serve").Run(context.Background(), struct{ net.Listener }{l})
	if err == nil || !strings.Contains(err.Error(), "no descriptor") {
		t.Errorf("got %v", err)
	}
}

func isZombie(pid int) bool {
	out, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return strings.HasPrefix(string(out), "Z")
}

// TestListenerIsClosed: the poller of this process must not wake for each connection of a worker.
func TestListenerIsClosed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	p := newPool("serve")
	p.Log = slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx, l) }()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: got %v; want %v", err, net.ErrClosed)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
