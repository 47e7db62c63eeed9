package ping

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// family is one metric of --openmetrics: its name, and the name of the condition that compares the
// same.
type family struct {
	name, kind, help string
	of               string
}

// families have the names of php-fpm's own page and of the exporters, phpfpm_*, for what the status
// page tells.
var families = []family{
	{"phpfpm_accepted_connections", "counter", "Requests that the pool has accepted.", "accepted-conn"},
	{"phpfpm_listen_queue", "gauge", "Connections that wait to be accepted.", "listen-queue"},
	{"phpfpm_max_listen_queue", "gauge", "The most connections that have waited.", "max-listen-queue"},
	{"phpfpm_listen_queue_length", "gauge", "Connections that may wait.", "listen-queue-len"},
	{"phpfpm_idle_processes", "gauge", "Processes that wait for a request.", "idle-processes"},
	{"phpfpm_active_processes", "gauge", "Processes that handle a request.", "active-processes"},
	{"phpfpm_total_processes", "gauge", "Processes of the pool.", "total-processes"},
	{"phpfpm_max_active_processes", "gauge", "The most processes that were active.", "max-active-processes"},
	{"phpfpm_max_children_reached", "counter", "Times that the limit of processes was reached.", "max-children-reached"},
	{"phpfpm_slow_requests", "counter", "Requests over request_slowlog_timeout.", "slow-requests"},
	{"phpfpm_start_since", "gauge", "Seconds since the pool was started.", "start-since"},
	{"phpfpm_memory_peak", "gauge", "Bytes of memory of the largest process.", "memory-peak"},
	{"cgikit_ping_latency_seconds", "gauge", "Time from the connection to the end of the answer.", "latency"},
	{"cgikit_ping_queue", "gauge", "Connections that wait at the socket, as the kernel counts them.", "queue"},
}

// writeOpenMetrics writes the results as OpenMetrics 1.0, for a textfile collector. A metric of
// which nothing is known is left out.
func writeOpenMetrics(results []*Result, w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# TYPE phpfpm_up gauge\n# HELP phpfpm_up Whether the application answered.\n")
	for _, r := range results {
		up := 0
		if r.State <= Warning || r.Answer.pool != nil {
			up = 1
		}
		fmt.Fprintf(&b, "phpfpm_up{%s} %d\n", r.labels(), up)
	}
	for _, f := range families {
		f.write(&b, results)
	}
	b.WriteString("# EOF\n")
	_, err := w.Write(b.Bytes())
	return err
}

func (f family) write(b *bytes.Buffer, results []*Result) {
	begun := false
	for _, r := range results {
		v, known := condition{name: f.of}.value(r)
		if !known || f.of == "latency" && r.State >= Busy {
			continue
		}
		if !begun {
			fmt.Fprintf(b, "# TYPE %s %s\n# HELP %s %s\n", f.name, f.kind, f.name, f.help)
			begun = true
		}
		fmt.Fprintf(b, "%s%s{%s} %.15g\n", f.name, f.suffix(), r.labels(), v)
	}
}

// suffix is what the name of a sample has more than that of its metric.
func (f family) suffix() string {
	if f.kind == "counter" {
		return "_total"
	}
	return ""
}

// labels are the target, and the pool where it is known.
func (r *Result) labels() string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace
	labels := fmt.Sprintf(`target="%s"`, escape(r.Target.Name))
	if pool := r.Answer.pool; pool != nil {
		labels += fmt.Sprintf(`,pool="%s"`, escape(pool.Name))
	}
	return labels
}
