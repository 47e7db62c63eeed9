package monitor

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// serveMetrics writes the figures in the text format of Prometheus, version 0.0.4. The status page
// has the same source, so that both agree. The number of label values is bounded: protocols, first
// digits of statuses, and the reasons of a Ledger.
func (m *Monitor) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var p exposition
	m.writeConnections(&p)
	m.writeRequests(&p)
	if m.Pool != nil {
		m.writePool(&p)
	}
	m.writeReady(&p)
	m.writePHP(&p)
	if m.Scripts != nil {
		writeScripts(&p, m.Scripts(), m.Target)
	}
	if m.Workers != nil {
		writeWorkers(&p, m.Workers(), m.Target)
	}
	if m.LogLost != nil {
		p.metric("log_lines_lost_total", "counter", "Log lines that could not be written.")
		access, log := m.LogLost()
		p.sample("log_lines_lost_total", access, "log", "access")
		p.sample("log_lines_lost_total", log, "log", "error")
	}
	writeProcess(&p, m.Start)
	p.send(w)
}

// The names and labels of the metrics must not change: users have alarms on them.

func (m *Monitor) writeConnections(p *exposition) {
	rows := m.protocols()
	for _, c := range []struct {
		name, help string
		of         func(protocolStats) uint64
	}{
		{"connections_accepted_total", "Connections accepted.", func(s protocolStats) uint64 { return s.Accepted }},
		{"connections_refused_total", "Connections closed because of a limit, or because the peer may not connect.", func(s protocolStats) uint64 { return s.Refused }},
		{"accept_errors_total", "Failures to accept a connection.", func(s protocolStats) uint64 { return s.AcceptErrors }},
		{"panics_total", "Panics that ended a connection.", func(s protocolStats) uint64 { return s.Panics }},
	} {
		p.metric(c.name, "counter", c.help)
		for _, s := range rows {
			p.sample(c.name, c.of(s), "protocol", s.Protocol)
		}
	}
	p.metric("connections", "gauge", "Open connections: an active one has a request, an idle one has none.")
	for _, s := range rows {
		p.sample("connections", s.Active, "protocol", s.Protocol, "state", "active")
		p.sample("connections", s.Idle, "protocol", s.Protocol, "state", "idle")
	}
}

func (m *Monitor) writeRequests(p *exposition) {
	now := m.Ledger.Figures()
	p.metric("requests_active", "gauge", "Current requests.")
	p.sample("requests_active", now.Active, "target", m.Target)
	p.metric("requests_total", "counter", "Finished requests by the first digit of the status; 0 counts those without a response.")
	for class, n := range now.Classes {
		p.sample("requests_total", n, "class", strconv.Itoa(class), "target", m.Target)
	}
	p.metric("errors_total", "counter", "Requests without a complete response of the target.")
	for reason, n := range now.Errors {
		p.sample("errors_total", n, "reason", reason, "target", m.Target)
	}
	p.metric("response_bytes_total", "counter", "Bytes of response bodies.")
	p.sample("response_bytes_total", now.Bytes, "target", m.Target)
	m.writeDurations(p, &now)
}

func (m *Monitor) writeDurations(p *exposition, now *Figures) {
	m.writeHistogram(p, "request_duration_seconds", "Time from a request to the last byte of its response.", &now.Took, now.Seconds)
	if m.Pool != nil || m.Scripts != nil {
		m.writeHistogram(p, "target_response_seconds", "Time from a request to the first response head of the target.", &now.Answered, now.AnsweredSeconds)
	}
}

func (m *Monitor) writeHistogram(p *exposition, name, help string, counts *[len(Bounds) + 1]uint64, seconds float64) {
	p.metric(name, "histogram", help)
	sum := uint64(0)
	for i, bound := range Bounds {
		sum += counts[i]
		p.sample(name+"_bucket", sum, "target", m.Target, "le", strconv.FormatFloat(bound.Seconds(), 'g', -1, 64))
	}
	sum += counts[len(Bounds)]
	p.sample(name+"_bucket", sum, "target", m.Target, "le", "+Inf")
	p.sample(name+"_sum", seconds, "target", m.Target)
	p.sample(name+"_count", sum, "target", m.Target)
}

func (m *Monitor) writePool(p *exposition) {
	pool := m.Pool()
	p.metric("target_connections", "gauge", "Open connections to the target: an active one has a request, an idle one has none.")
	p.sample("target_connections", pool.Active, "state", "active", "target", m.Target)
	p.sample("target_connections", pool.Idle, "state", "idle", "target", m.Target)
	p.metric("target_queue", "gauge", "Requests that wait for a connection to the target.")
	p.sample("target_queue", pool.Waiting, "target", m.Target)
	p.metric("target_dials_total", "counter", "Connections made to the target.")
	p.sample("target_dials_total", pool.Dials, "target", m.Target)
	p.metric("target_resent_total", "counter", "Requests repeated because a kept connection had been closed.")
	p.sample("target_resent_total", pool.Resent, "target", m.Target)
}

// exposition is text in the format of Prometheus. The names of this program's own metrics begin
// with "cgikit_".
type exposition struct{ bytes.Buffer }

// send writes the text as a response.
func (p *exposition) send(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write(p.Bytes()) // an error means that the client has gone
}

// metric writes the head of a metric. Its samples follow.
func (p *exposition) metric(name, kind, help string) {
	fmt.Fprintf(p, "# HELP %s %s\n# TYPE %[1]s %[3]s\n", prefixed(name), help, kind)
}

// sample writes one value. labels alternates names and values.
func (p *exposition) sample(name string, value any, labels ...string) {
	p.WriteString(prefixed(name))
	separator := byte('{')
	for i := 0; i < len(labels); i += 2 {
		p.WriteByte(separator)
		fmt.Fprintf(p, `%s="%s"`, labels[i], labelEscapes.Replace(labels[i+1]))
		separator = ','
	}
	if len(labels) > 0 {
		p.WriteByte('}')
	}
	fmt.Fprintf(p, " %v\n", value)
}

// prefixed adds "cgikit_" to a name, except to the names that Prometheus uses for every process,
// and to those of php-fpm's status page.
func prefixed(name string) string {
	if strings.HasPrefix(name, "go_") || strings.HasPrefix(name, "process_") || strings.HasPrefix(name, "phpfpm_") {
		return name
	}
	return "cgikit_" + name
}

var labelEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
