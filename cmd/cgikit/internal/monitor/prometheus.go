package monitor

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// figures is the prometheus.Collector of a Monitor. It reads what has been counted, so that the status page and Prometheus cannot
// disagree. The values of its labels are bounded: the one target, protocols, first digits of statuses, and the reasons of a Ledger.
type figures struct{ *Monitor }

// kinds are the metrics. Their names and labels are an interface: people have alarms on them.
var kinds = struct {
	accepted, refused, acceptErrors, panics, connections *prometheus.Desc // of a protocol
	active, requests, errors, bytes, duration            *prometheus.Desc // of the target
	pool, queue, dials, resent                           *prometheus.Desc // of the target, where it has connections
}{
	accepted:     kind("connections_accepted_total", "Connections accepted.", "protocol"),
	refused:      kind("connections_refused_total", "Connections closed because of a limit or of who was there.", "protocol"),
	acceptErrors: kind("accept_errors_total", "Failures to accept a connection.", "protocol"),
	panics:       kind("panics_total", "Panics that ended a connection.", "protocol"),
	connections:  kind("connections", "Open connections: active has a request under way, idle none.", "protocol", "state"),
	active:       kind("requests_active", "Requests under way.", "target"),
	requests:     kind("requests_total", "Requests answered, by the first digit of the status; 0 was cut off without an answer.", "target", "class"),
	errors:       kind("errors_total", "Answers that are no whole answers of the target.", "target", "reason"),
	bytes:        kind("response_bytes_total", "Bytes of response bodies.", "target"),
	duration:     kind("request_duration_seconds", "Time from a request to the last byte of its response.", "target"),
	pool:         kind("target_connections", "Open connections to the target: active has a request under way, idle none.", "target", "state"),
	queue:        kind("target_queue", "Requests that wait for a connection to the target.", "target"),
	dials:        kind("target_dials_total", "Connections made to the target.", "target"),
	resent:       kind("target_resent_total", "Requests sent again because a kept connection had died.", "target"),
}

func kind(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("cgikit_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (f figures) Describe(to chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, to) }

// Collect implements prometheus.Collector.
func (f figures) Collect(to chan<- prometheus.Metric) {
	f.collectConnections(to)
	f.collectRequests(to)
	if f.Pool != nil {
		f.collectPool(to)
	}
}

func counter(d *prometheus.Desc, n uint64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func gauge(d *prometheus.Desc, n int, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(n), labels...)
}

func (f figures) collectConnections(to chan<- prometheus.Metric) {
	for _, s := range f.protocols() {
		to <- counter(kinds.accepted, s.Accepted, s.Protocol)
		to <- counter(kinds.refused, s.Refused, s.Protocol)
		to <- counter(kinds.acceptErrors, s.AcceptErrors, s.Protocol)
		to <- counter(kinds.panics, s.Panics, s.Protocol)
		to <- gauge(kinds.connections, s.Active, s.Protocol, "active")
		to <- gauge(kinds.connections, s.Idle, s.Protocol, "idle")
	}
}

func (f figures) collectRequests(to chan<- prometheus.Metric) {
	now := f.Ledger.Figures()
	to <- gauge(kinds.active, now.Active, f.Target)
	for class, n := range now.Classes {
		to <- counter(kinds.requests, n, f.Target, strconv.Itoa(class))
	}
	for reason, n := range now.Errors {
		to <- counter(kinds.errors, n, f.Target, reason)
	}
	to <- counter(kinds.bytes, now.Bytes, f.Target)
	buckets, sum := make(map[float64]uint64, len(Bounds)), uint64(0)
	for i, bound := range Bounds {
		sum += now.Took[i]
		buckets[bound.Seconds()] = sum
	}
	to <- prometheus.MustNewConstHistogram(kinds.duration, now.Requests(), now.Seconds, buckets, f.Target)
}

func (f figures) collectPool(to chan<- prometheus.Metric) {
	p := f.Pool()
	to <- gauge(kinds.pool, p.Active, f.Target, "active")
	to <- gauge(kinds.pool, p.Idle, f.Target, "idle")
	to <- gauge(kinds.queue, p.Waiting, f.Target)
	to <- counter(kinds.dials, p.Dials, f.Target)
	to <- counter(kinds.resent, p.Resent, f.Target)
}
