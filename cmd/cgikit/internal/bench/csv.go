package bench

import (
	"encoding/csv"
	"io"
	"strconv"
)

// writeCSV writes a row for each result, and one before them with the names. Times are in
// milliseconds.
func writeCSV(w io.Writer, all []*Data) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"target", "path", "connections", "streams", "kept", "seconds", "requests", "ok", "failed", "per_second", "mean", "p50", "p75", "p90", "p95", "p99", "p99.9", "max", "first_byte_p50", "first_byte_p99", "app_status_not_0"}}
	number := func(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }
	count := func(n int64) string { return strconv.FormatInt(n, 10) }
	for _, d := range all {
		l := d.Latency
		rows = append(rows, []string{
			d.Target, d.Path, strconv.Itoa(d.Conns), strconv.Itoa(d.Streams), strconv.FormatBool(d.Kept), number(d.Seconds),
			count(d.Requests), count(d.OK), count(d.Failed), number(d.PerSecond),
			number(l.Mean), number(l.P50), number(l.P75), number(l.P90), number(l.P95), number(l.P99), number(l.P999), number(l.Max),
			number(d.FirstByte.P50), number(d.FirstByte.P99), count(d.AppStatus),
		})
	}
	return c.WriteAll(rows)
}
