package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/demo"
)

const (
	maxBytes = 4_500_000 // of the program, static and stripped
	maxRatio = 2.0       // of the page faults of a Go program that does nothing
	rounds   = 40
)

// TestSizeAndStart holds cgikit-ping to its size, and to what its start costs: a container runs it
// every few seconds. The start is held as page faults, which depend on the code that runs and not
// on the load of the machine; the least of many rounds counts, in which the two programs take
// turns. The time is printed and not held.
func TestSizeAndStart(t *testing.T) {
	const module = "github.com/cgikit/cgikit/cmd/"
	dir := t.TempDir()
	probe := build(t, dir, module+"cgikit-ping")
	empty := build(t, dir, module+"internal/bench/program/empty")
	info, err := os.Stat(probe)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > maxBytes {
		t.Errorf("got %d bytes; want at most %d", info.Size(), maxBytes)
	}
	target := "fastcgi+unix:" + serveApp(t)
	var pings, empties []cost
	for range rounds {
		pings = append(pings, measure(t, probe, "-q", "--timeout=1m", target))
		empties = append(empties, measure(t, empty))
	}
	ping, nothing := least(pings), least(empties)
	faults := float64(ping.faults) / float64(nothing.faults)
	if faults > maxRatio {
		t.Errorf("got %.2f times the page faults of an empty program; want at most %.1f", faults, maxRatio)
	}
	t.Logf("size       %d bytes, static and stripped", info.Size())
	t.Logf("page faults %4d, of an empty program %4d: %.2f times, least of %d", ping.faults, nothing.faults, faults, rounds)
	t.Logf("wall time  %v, of an empty program %v: %.2f times, least of %d; one answered probe", ping.wall, nothing.wall, float64(ping.wall)/float64(nothing.wall), rounds)
}

// build builds a program as the documentation says that it be built.
func build(t *testing.T, dir, pkg string) string {
	t.Helper()
	program := filepath.Join(dir, filepath.Base(pkg))
	c := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, pkg)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS="+strings.ReplaceAll(os.Getenv("GOFLAGS"), "-race", ""))
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("building %s: %v\n%.2000s", pkg, err, out)
	}
	return program
}

// serveApp serves an application over FastCGI until the test ends.
func serveApp(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&fastcgi.Server{App: demo.App()}).Serve(l)
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return socket
}

// cost is what one run of a program takes.
type cost struct {
	faults int64
	wall   time.Duration
}

func measure(t *testing.T, program string, args ...string) cost {
	t.Helper()
	c := exec.Command(program, args...)
	begin := time.Now()
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%s %q: %v\n%.500s", program, args, err, out)
	}
	wall := time.Since(begin)
	usage := c.ProcessState.SysUsage().(*syscall.Rusage)
	return cost{usage.Minflt + usage.Majflt, wall}
}

// least has the least of each cost: everything else was the machine's.
func least(runs []cost) cost {
	faults := slices.MinFunc(runs, func(a, b cost) int { return int(a.faults - b.faults) }).faults
	wall := slices.MinFunc(runs, func(a, b cost) int { return int(a.wall - b.wall) }).wall
	return cost{faults, wall}
}

// TestImports: what would make the program large and slow to start.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%.2000s", err, out)
	}
	deps := strings.Fields(string(out))
	for _, banned := range []string{"net/http", "crypto/tls", "html/template", "text/template", "github.com/spf13/cobra"} {
		if slices.Contains(deps, banned) {
			t.Errorf("the program imports %s", banned)
		}
	}
	if !slices.Contains(deps, "github.com/cgikit/cgikit/cmd/internal/ping") {
		t.Errorf("the list of imports is not what it should be: %.500s", out)
	}
}
