package spawn_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// canWait tells that child.Waits knows workers without a request.
var canWait = slices.Contains([]string{"amd64", "arm64", "arm", "riscv64", "loong64", "ppc64", "ppc64le"}, runtime.GOARCH)

func childrenOf(pid int) string {
	var all []string
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, task.Name()))
		all = append(all, strings.Fields(string(text))...)
	}
	return strings.Join(all, " ")
}

// TestKilledManager: the workers end with a manager that is killed.
func TestKilledManager(t *testing.T) {
	t.Parallel()
	p := newPool("manager")
	c := exec.Command(p.Path)
	c.Env = p.Env
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c.Process.Kill()
	c.Wait()
	workers := strings.Fields(line)
	if len(workers) != 2 {
		t.Fatalf("got the workers %q, %v; want two", line, err)
	}
	for _, worker := range workers {
		pid, _ := strconv.Atoi(worker)
		eventually(t, "the end of "+worker, func() bool { return gone(pid) || isZombie(pid) })
	}
}

// TestMaxMemory: each program in Go has more than a page.
func TestMaxMemory(t *testing.T) {
	t.Parallel()
	p := newPool("accept")
	p.MaxMemory, p.Log = 1<<12, slog.New(slog.DiscardHandler)
	start(t, p)
	eventually(t, "a new worker", func() bool { s := p.Stats(); return s.Started > 1 && s.Crashed == 0 })
}
