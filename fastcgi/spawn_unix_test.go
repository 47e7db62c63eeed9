//go:build unix

package fastcgi_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestSpawnFcgi has several processes on one listening socket, their file descriptor 0: each of
// them answers (F33).
func TestSpawnFcgi(t *testing.T) {
	spawn := webserver.Find(t, "spawn-fcgi")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bothEngines(t, func(t *testing.T) {
		engine := "Server"
		if onNethttp(t) {
			engine = "nethttp"
		}
		socket := filepath.Join(webserver.Dir(t), "s")
		cmd := exec.Command(spawn, "-s", socket, "-F", "3", "--", self)
		cmd.Env = append(os.Environ(), childEngine+"="+engine)
		out, err := cmd.Output()
		pids := spawned(string(out))
		for _, pid := range pids {
			t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
		}
		if err != nil || len(pids) != 3 {
			t.Fatalf("got %v, %q; want three processes", err, out)
		}
		for _, pid := range pids {
			pause(t, pids, pid)
			if got, want := askPid(t, socket), fmt.Sprint(pid); got != want {
				t.Errorf("got an answer from process %s; want one from %s, the only one that runs", got, want)
			}
			resumeAll(t, pids)
		}
	})
}

// spawned returns the processes that spawn-fcgi says it has started.
func spawned(out string) []int {
	var pids []int
	for _, m := range regexp.MustCompile(`PID: (\d+)`).FindAllStringSubmatch(out, -1) {
		pid, _ := strconv.Atoi(m[1]) // the expression has digits
		pids = append(pids, pid)
	}
	return pids
}

// pause stops all processes but one. A signal is delivered some time later: only a stopped one
// surely accepts nothing.
func pause(t *testing.T, pids []int, but int) {
	t.Helper()
	for _, pid := range pids {
		if pid == but {
			continue
		}
		sendSignal(t, pid, syscall.SIGSTOP)
		for end := time.Now().Add(patience); !stopped(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("process %d does not stop", pid)
			}
		}
	}
}

// stopped asks ps, which every Unix has.
func stopped(pid int) bool {
	// without an answer it is asked again
	out, _ := exec.Command("ps", "-o", "state=", "-p", fmt.Sprint(pid)).Output()
	return strings.HasPrefix(strings.TrimSpace(string(out)), "T")
}

func resumeAll(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range slices.Backward(pids) {
		sendSignal(t, pid, syscall.SIGCONT)
	}
}

func sendSignal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

func askPid(t *testing.T, socket string) string {
	t.Helper()
	c := dial(t, &net.UnixAddr{Net: "unix", Name: socket})
	return body(c.send(get(1, 0, "/")).whole(1))
}
