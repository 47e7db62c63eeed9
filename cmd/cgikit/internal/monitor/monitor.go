package monitor

import (
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/spawn"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Monitor is an http.Handler with /metrics for Prometheus, /healthz for health checks, /readyz for
// readiness checks and a status page at /. Its fields must be set before it is used, and must not
// change later. Its functions must be safe for concurrent use.
type Monitor struct {
	Target string    // its name, as the user wrote it
	Start  time.Time // of the process
	Ledger *Ledger

	// Targets are the addresses of the target in order of preference, for the status page. With
	// several, Ready must be set. A target that is not asked has none.
	Targets []Target

	// Servers returns the connections of each protocol; it may return nil.
	Servers func() map[string]transport.Stats

	// Serving reports whether the servers accept requests.
	Serving func() bool

	// Ready decides what /readyz answers; nil is ready while Serving returns true.
	Ready *Ready

	// PHP returns the figures of php-fpm's status page; it may be nil.
	PHP func() *ping.Result

	// Queue returns the connections that wait at the target's socket; it may be nil.
	Queue func() ping.Queue

	// Pool returns the connections to the target. It is nil if the target has none.
	Pool func() Pool

	// Scripts returns the figures of CGI scripts. It is nil if the target runs none.
	Scripts func() cgi.Stats

	// Workers returns the processes of the target. It is nil if the target has none.
	Workers func() spawn.Stats

	// LogLost returns how many lines of the access log and of the error log could not be written;
	// it may be nil.
	LogLost func() (access, log uint64)
}

// Pool has the counts of a target's client.
type Pool struct {
	Active, Idle int // connections, with a request under way and without
	Waiting      int // requests that wait for a connection
	// connections made; requests that were repeated because a kept connection had been closed
	Dials, Resent uint64
}

// Handler returns the handler of all pages. Over the loopback interface it accepts only requests
// whose Host names this machine. The health check, which shows no data and asks no target, accepts
// all.
func (m *Monitor) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", local(m.serveMetrics))
	mux.HandleFunc("GET /healthz", m.serveHealth)
	mux.HandleFunc("GET /readyz", local(m.serveReady))
	mux.HandleFunc("GET /status.json", local(m.serveStatus))
	mux.HandleFunc("GET /{$}", local(m.servePage))
	return mux
}

// local refuses requests over the loopback interface that have the Host of another site (DNS
// rebinding).
func local(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
		if ok && addr.IP.IsLoopback() && !demo.LocalHost(r.Host) {
			http.Error(w, "This page is only for this machine. Open it by an IP address or by localhost.", http.StatusMisdirectedRequest)
			return
		}
		next(w, r)
	}
}

// serveHealth answers 200 while the servers accept requests, and 503 otherwise.
func (m *Monitor) serveHealth(w http.ResponseWriter, _ *http.Request) { writeHealth(w, m.Serving()) }

func writeHealth(w http.ResponseWriter, serving bool) {
	if !serving {
		writeState(w, http.StatusServiceUnavailable, "not serving")
		return
	}
	writeState(w, http.StatusOK, "serving")
}

// writeState answers a check with one line.
func writeState(w http.ResponseWriter, status int, line string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, line+"\n") // an error means that the client has gone
}

// protocolStats is a row of the table of connections.
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
