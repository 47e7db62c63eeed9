package monitor

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Monitor is an http.Handler with /metrics for Prometheus, /healthz for health checks and a status
// page at /. Its fields must be set before it is used, and not changed then. All it asks for must
// be safe for concurrent use.
type Monitor struct {
	Target string    // its name, as the user wrote it
	Start  time.Time // of the process
	Ledger *Ledger

	// Servers returns the connections of each protocol; it may return nil.
	Servers func() map[string]transport.Stats

	// Serving reports whether requests are taken.
	Serving func() bool

	// Pool returns the connections to the target; nil where it has none.
	Pool func() Pool

	// LogLost returns how many lines of the access log and of the error log could not be written;
	// it may be nil.
	LogLost func() (access, log uint64)
}

// Pool is what a target's client has open.
type Pool struct {
	Active, Idle int // connections, with a request under way and without
	Waiting      int // requests that wait for a connection: the queue
	// connections made; requests that were sent again because a kept connection had died
	Dials, Resent uint64
}

// Handler returns the handler of all pages. Those that come over the loopback interface take only a
// Host that names this machine, but for the health check, which shows nothing.
func (m *Monitor) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", local(m.serveMetrics))
	mux.HandleFunc("GET /healthz", m.serveHealth)
	mux.HandleFunc("GET /{$}", local(m.servePage))
	return mux
}

// local refuses what comes over the loopback interface under the name of another site (DNS
// rebinding).
func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if ok && addr.IP.IsLoopback() && !demo.LocalHost(r.Host) {
			http.Error(w, "This page is for this machine: ask for it by an address, or by localhost.", http.StatusMisdirectedRequest)
			return
		}
		next(w, r)
	}
}

// serveHealth says 200 while requests are taken, and 503 while there is no sense in sending any.
func (m *Monitor) serveHealth(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if !m.Serving() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte("not serving\n"))
		return
	}
	_, _ = w.Write([]byte("serving\n"))
}

// protocolStats is a row of connections.
type protocolStats struct {
	Protocol string
	transport.Stats
}

// protocols returns the rows in a fixed order.
func (m *Monitor) protocols() (rows []protocolStats) {
	stats := m.Servers()
	for _, name := range slices.Sorted(maps.Keys(stats)) {
		rows = append(rows, protocolStats{name, stats[name]})
	}
	return rows
}
