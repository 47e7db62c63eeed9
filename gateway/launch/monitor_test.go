package launch

import (
	"io"
	"testing"
)

// TestMonitor: Serving reports whether requests are accepted, and Stats counts by the protocol of
// the connection.
func TestMonitor(t *testing.T) {
	var m Monitor
	if m.Serving() || m.Stats() != nil {
		t.Errorf("before Run: serving %t, %v", m.Serving(), m.Stats())
	}
	r := run(t, Config{Monitor: &m}, "auto://127.0.0.1:0", "scgi://127.0.0.1:0")
	addr := at(t, r.log.served(t))
	r.log.served(t)
	g := newGate(t)
	body := hold(t, "fastcgi", addr, g)
	ask(t, "http", addr, "/x")
	ask(t, "http", addr, "/x")
	if got := m.Stats()["fastcgi"]; !m.Serving() || got.Accepted != 1 || got.Active != 1 {
		t.Errorf("serving %t, FastCGI %+v; want one connection, active", m.Serving(), got)
	}
	if h, s := m.Stats()["http"].Accepted, m.Stats()["scgi"].Accepted; h != 2 || s != 0 {
		t.Errorf("%d connections by HTTP and %d by SCGI; want 2 and 0", h, s)
	}
	r.end()
	r.log.await(t, "requests under way may finish")
	if m.Serving() {
		t.Error("still serving once the log says that it ends")
	}
	g.open(t)
	if _, err := io.ReadAll(body); err != nil {
		t.Error(err)
	}
	if err := r.result(t); err != nil {
		t.Error(err)
	}
	if got := m.Stats()["fastcgi"]; m.Serving() || got.Accepted != 1 || got.Active != 0 {
		t.Errorf("after Run: serving %t, FastCGI %+v; want one connection in all", m.Serving(), got)
	}
}

// TestMonitorOfFailure: Serving returns false if one of two addresses cannot be opened.
func TestMonitorOfFailure(t *testing.T) {
	var m Monitor
	r := run(t, Config{Monitor: &m}, "scgi://127.0.0.1:0", "scgi+unix:"+t.TempDir()+"/nowhere/s")
	if err := r.result(t); err == nil || m.Serving() || m.Stats() != nil {
		t.Errorf("got error %v, serving %t, %v", err, m.Serving(), m.Stats())
	}
}
