package ping

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/listen"
)

// newProber returns a Prober of a TARGET, with more time than any answer needs.
func newProber(t *testing.T, name, status string) *Prober {
	t.Helper()
	a, err := listen.Parse(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := NewProber(a, name, status, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestProber probes a port of which nothing listens, and one that closes each connection.
func TestProber(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	p := newProber(t, "fastcgi://"+l.Addr().String(), "")
	if r := p.Probe(t.Context()); r.State != Unhealthy || r.Answered() {
		t.Errorf("connections are closed: got %v, answered %t", r.State, r.Answered())
	}
	l.Close()
	<-closed
	if r := p.Probe(t.Context()); r.State != Dead || r.Answered() {
		t.Errorf("nothing listens: got %v, answered %t", r.State, r.Answered())
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if r := p.Probe(ended); r != nil {
		t.Errorf("after the end of the context: got %v", r.State)
	}
}

func TestProberRefusesAPath(t *testing.T) {
	if _, err := NewProber(listen.Address{}, "x", "status", 0); err == nil {
		t.Error("a path without a slash was accepted")
	}
}

// TestResultPool: the figures of the page have the names of --openmetrics, counters with their
// ending.
func TestResultPool(t *testing.T) {
	pool := &Pool{Name: "www", Numbers: map[string]int64{"accepted-conn": 7, "active-processes": 2}}
	name, figures, ok := (&Result{Answer: answer{pool: pool}, Queue: Queue{Known: true, Waiting: 3}}).Pool()
	want := map[string]float64{"phpfpm_accepted_connections_total": 7, "phpfpm_active_processes": 2, "phpfpm_listen_queue": 3}
	if name != "www" || !ok || len(figures) != len(want) {
		t.Errorf("got %q, %v, %t", name, figures, ok)
	}
	for _, f := range figures {
		if f.Value != want[f.Name] || f.Help == "" || f.Kind == "" {
			t.Errorf("got %+v; want %v", f, want[f.Name])
		}
	}
	if _, _, ok := new(Result).Pool(); ok {
		t.Error("figures of a page that did not come")
	}
}
