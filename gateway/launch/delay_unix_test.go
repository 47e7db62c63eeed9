//go:build unix

package launch

import (
	"context"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// TestDrainDelay: after the first signal a program with a DrainDelay answers new requests. The
// second signal closes its listeners, and the third ends it.
func TestDrainDelay(t *testing.T) {
	for _, last := range []string{"finishes", "is aborted"} {
		t.Run(last, func(t *testing.T) {
			addr, file := inheritable(t, "unix")
			p := launch(t, "long-delay", file)
			ask(t, "scgi", addr, "/before")
			p.signal(t, syscall.SIGTERM)
			p.stderr.await(t, "draining, requests are answered until the delay is over")
			g := newGate(t)
			body := hold(t, "scgi", addr, g)
			p.signal(t, syscall.SIGQUIT) // no dump: it aborts nothing
			p.stderr.await(t, "ending, requests under way may finish")
			if last == "is aborted" {
				p.signal(t, syscall.SIGTERM)
				wantFailure(t, p, "cut off requests under way: signal: terminated")
				return
			}
			g.open(t)
			if rest, err := io.ReadAll(body); string(rest) != "ended\n" || err != nil {
				t.Errorf("the rest of the answer is %q, %v; want all of it", rest, err)
			}
			if err := p.Wait(); err != nil {
				t.Errorf("the program ended with %v", err)
			}
		})
	}
}

// TestMonitorOfDelay: during the DrainDelay, Serving and Draining both return true.
func TestMonitorOfDelay(t *testing.T) {
	var m Monitor
	r := run(t, Config{Monitor: &m, DrainDelay: time.Hour}, "http://127.0.0.1:0")
	addr := at(t, r.log.served(t))
	if !m.Serving() || m.Draining() {
		t.Errorf("before the end: serving %t, draining %t", m.Serving(), m.Draining())
	}
	r.end()
	r.log.await(t, "requests are answered until the delay is over")
	if !m.Serving() || !m.Draining() {
		t.Errorf("during the delay: serving %t, draining %t; want both", m.Serving(), m.Draining())
	}
	ask(t, "http", addr, "/during")
	// the end of a context does not count as a signal: the second one ends the delay
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGTERM} {
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.result(t); err != nil {
		t.Error(err)
	}
	if m.Serving() || !m.Draining() {
		t.Errorf("after the end: serving %t, draining %t", m.Serving(), m.Draining())
	}
}

// TestDrainDelayIsOver: the listeners close without a signal.
func TestDrainDelayIsOver(t *testing.T) {
	r := run(t, Config{DrainDelay: time.Millisecond}, "http://127.0.0.1:0")
	r.log.served(t)
	r.end()
	if err := r.result(t); err != nil {
		t.Error(err)
	}
}

// TestListenerFailsDuringDelay: the error ends the delay.
func TestListenerFailsDuringDelay(t *testing.T) {
	signals := catchSignals(context.Background(), true, nil)
	defer signals.release()
	failed := make(chan error, 1)
	failed <- io.ErrUnexpectedEOF
	c := Config{DrainDelay: time.Hour, Log: newLogBook().logger()}
	if err := c.waitDelay(signals, failed); err != io.ErrUnexpectedEOF {
		t.Errorf("got %v", err)
	}
}
