package peer

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processorTime returns what this process has used.
func processorTime() time.Duration { return stat{pid: os.Getpid()}.time() }

// ended fails the test if the process is still there.
func ended(t *testing.T, p *Process) {
	t.Helper()
	if err := syscall.Kill(p.cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is there after Stop: %v", err)
	}
}

func TestStartSelf(t *testing.T) {
	for _, network := range []string{"unix", "tcp"} {
		t.Run(network, func(t *testing.T) {
			p, err := StartSelf(t.TempDir(), network, []string{"idle"})
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial(network, p.Addr)
			if err != nil {
				t.Error(err)
			} else {
				conn.Close()
			}
			if n, err := p.Mallocs(); err != nil || n < 1 {
				t.Errorf("Mallocs: %v, %v", n, err)
			}
			if resident, err := p.Resident(); err != nil || resident < 1<<20 {
				t.Errorf("Resident: %d, %v", resident, err)
			}
			p.Stop()
			ended(t, p)
		})
	}
}

// TestStartFails: the error has what the server wrote before it ended.
func TestStartFails(t *testing.T) {
	dir := t.TempDir()
	if _, err := StartSelf(dir, "unix", []string{"unknown"}); err == nil || !strings.Contains(err.Error(), `no server ["unix"`) {
		t.Errorf("unknown: got %v", err)
	}
	cmd := exec.Command("sh", "-c", "echo no space left >&2; exit 3")
	if _, err := StartProgram("unix", Socket(dir, "sh"), cmd); err == nil || !strings.HasSuffix(err.Error(), "ended before it listened: exit status 3\n\tno space left") {
		t.Errorf("sh: got %v", err)
	}
	if _, err := StartProgram("unix", Socket(dir, "none"), exec.Command("/nonexistent")); err == nil {
		t.Error("a program that is not there started")
	}
}

// TestBrokenServer: a server that fails later is seen by its clients, and its log has the reason.
func TestBrokenServer(t *testing.T) {
	p, err := StartSelf(t.TempDir(), "unix", []string{"broken"})
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	p.Stop()
	if got := p.Log(); got != "\n\tno memory for the index" {
		t.Errorf("Log: got %.300q", got)
	}
}

// TestCPU: what a child of the process used counts.
func TestCPU(t *testing.T) {
	const work = 50 * time.Millisecond
	p, err := StartSelf(t.TempDir(), "unix", []string{"busy", "50"}, "sh", "-c", `"$@"; true`, "sh")
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	before, err := p.CPU()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("unix", p.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
		t.Fatal(err)
	}
	after, err := p.CPU()
	if err != nil || after-before < work {
		t.Errorf("CPU went from %v to %v, %v; want %v more at least", before, after, err, work)
	}
}

// TestCPUOfTheDead: what a child used counts when it has ended, waited for or not.
func TestCPUOfTheDead(t *testing.T) {
	const count = `i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done`
	for _, c := range []struct{ name, script string }{
		{"waited for", "sh -c '" + count + "'; echo ready x; cat"},
		{"not waited for", "sh -c '" + count + "' & echo ready x; exec cat"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := StartReady("unix", exec.Command("sh", "-c", c.script))
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop()
			for running(t, p.cmd.Process.Pid) {
				time.Sleep(time.Millisecond)
			}
			if used, err := p.CPU(); err != nil || used < 3*tick {
				t.Errorf("used %v, %v; want that of 300,000 steps of a shell", used, err)
			}
		})
	}
}

// running reports whether a child of the process counts.
func running(t *testing.T, pid int) bool {
	t.Helper()
	children, err := descent()
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(children[pid], func(s stat) bool {
		command, err := os.ReadFile(procFile(s.pid, "cmdline"))
		return err == nil && strings.Contains(string(command), "i=$((i+1))") // it is empty for one that has ended
	})
}

// TestStopsGroup: Stop ends what a server has started too, and one that ignores SIGTERM.
func TestStopsGroup(t *testing.T) {
	p := &Process{stopTime: 50 * time.Millisecond, cmd: exec.Command("sh", "-c", "trap '' TERM; sleep 1000 & echo $! >&2; exec sleep 1000")}
	if err := p.start(); err != nil {
		t.Fatal(err)
	}
	for p.Log() == "" { // until it ignores the signal
		time.Sleep(time.Millisecond)
	}
	p.Stop()
	ended(t, p)
	group := -p.cmd.Process.Pid
	for syscall.Kill(group, 0) == nil { // the child is init's, which waits for it
		time.Sleep(time.Millisecond)
	}
}

func TestReadStat(t *testing.T) {
	path := t.TempDir() + "/stat"
	line := "7 (a ) (b) S 3 7 7 0 -1 0 0 0 0 0 100 200 30 40 20 0 1 0 5 0 0\n"
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := readStat(path)
	if want := (stat{7, 3, 3 * time.Second, 700 * time.Millisecond}); err != nil || got != want {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}
