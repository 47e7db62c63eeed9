//go:build unix

package launch

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// TestSecondQuitDumps: a second SIGQUIT makes a program that hangs print its goroutines, as any Go
// program does.
func TestSecondQuitDumps(t *testing.T) {
	addr, file := inheritable(t, "unix")
	p := launch(t, "plain", file)
	hold(t, "scgi", addr, newGate(t))
	p.signal(t, syscall.SIGQUIT)
	p.stderr.await(t, "ending, requests under way may finish")
	p.signal(t, syscall.SIGQUIT)
	err := p.Wait()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("the program ended with %v; want exit status 2", err)
	}
	if said := p.stderr.String(); !strings.Contains(said, "SIGQUIT: quit") || !strings.Contains(said, "goroutine ") {
		t.Errorf("the program said:\n%.2000s\nwant its goroutines", said)
	}
}

// TestHangupStaysIgnored: a program that nohup started continues when its terminal closes.
func TestHangupStaysIgnored(t *testing.T) {
	addr, file := inheritable(t, "unix")
	p := prepare(t, "plain")
	p.Args = []string{"sh", "-c", `trap "" HUP; exec "$0"`, p.Path}
	p.Path = "/bin/sh"
	p.Stdin = file
	p.begin(t)
	g := newGate(t)
	body := hold(t, "scgi", addr, g) // the program is serving
	p.signal(t, syscall.SIGHUP)
	g.open(t)
	if rest, err := io.ReadAll(body); string(rest) != "ended\n" || err != nil {
		t.Errorf("the rest of the answer is %q, %v; want all of it", rest, err)
	}
	again := newGate(t)
	hold(t, "scgi", addr, again) // it still accepts requests
	again.open(t)
	p.end(t)
	if strings.Contains(p.stderr.String(), "signal: hangup") {
		t.Errorf("the program said:\n%s", p.stderr)
	}
}

// TestClosedStderrEndsNoServer: if the reader of the log has gone, the log is lost and the server
// continues. The line about the signal cannot be written.
func TestClosedStderrEndsNoServer(t *testing.T) {
	addr, file := inheritable(t, "unix")
	p := prepare(t, "plain")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdin, p.Stderr = file, w
	p.begin(t)
	w.Close()
	g := newGate(t)
	body := hold(t, "scgi", addr, g)
	r.Close()
	p.signal(t, syscall.SIGTERM)
	g.open(t)
	rest, _ := io.ReadAll(body)
	if err := p.Wait(); err != nil || string(rest) != "ended\n" {
		t.Errorf("the program ended with %v, and answered %q; want all of the answer, and exit status 0", err, rest)
	}
}

// TestHangupReloads: with Reload a hangup ends nothing, and the next other signal is the first.
func TestHangupReloads(t *testing.T) {
	reloaded := make(chan bool)
	s := catchSignals(context.Background(), false, func() { reloaded <- true })
	defer s.release()
	for range 2 {
		s.caught <- syscall.SIGHUP
		<-reloaded
	}
	if s.first.Err() != nil {
		t.Error("SIGHUP asks the process to end")
	}
	s.caught <- syscall.SIGTERM
	<-s.first.Done()
	if s.second.Err() != nil {
		t.Error("SIGTERM counts as the second signal")
	}
}
