package bench

import (
	"math"
	"strconv"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cgikit/cgikit/cmd/internal/load"
)

// Data is a result as --json and --save write it. Times are in milliseconds, if their name says
// nothing else.
type Data struct {
	Target  string  `json:"target"`
	Path    string  `json:"path"`
	Conns   int     `json:"connections"`
	Streams int     `json:"streams"`
	Kept    bool    `json:"kept"`
	DueRate float64 `json:"due_per_second,omitempty"`

	Seconds   float64          `json:"seconds"`
	Requests  int64            `json:"requests"`
	OK        int64            `json:"ok"`
	Failed    int64            `json:"failed"`
	PerSecond float64          `json:"per_second"`
	Latency   Percentiles      `json:"latency_ms"`
	FirstByte Percentiles      `json:"first_byte_ms"`
	Errors    map[string]int64 `json:"errors"`
	Statuses  map[string]int64 `json:"statuses"`
	AppStatus int64            `json:"app_status_not_0"`
	Bytes     int64            `json:"body_bytes"`

	Connects int64 `json:"connections_made"`
	Closed   int64 `json:"connections_closed_by_server"`
	Again    int64 `json:"sent_again"`
	Starved  int   `json:"connections_without_answer"`
	Unsent   int64 `json:"due_and_not_sent"`
	Dropped  int64 `json:"unfinished"`

	Curve [][2]float64 `json:"curve"` // percentile and latency, for --plot
}

// Percentiles are of a time in milliseconds.
type Percentiles struct {
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P75  float64 `json:"p75"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99.9"`
	Max  float64 `json:"max"`
}

func newData(e *exercise, r *load.Result) *Data {
	d := &Data{
		Target: strings.TrimSuffix(e.target.Name, "/"), Path: e.path, Conns: e.plan.Conns, Streams: len(e.plan.Requests), Kept: !e.plan.NoKeep, DueRate: e.plan.Rate,
		Seconds: r.Took.Seconds(), Requests: r.Ended(), OK: r.OK, Failed: r.Failed(), PerSecond: r.PerSecond(),
		Latency: newPercentiles(r.Latency), FirstByte: newPercentiles(r.FirstByte),
		Errors: r.Errors, Statuses: map[string]int64{}, AppStatus: r.AppStatus, Bytes: r.Bytes,
		Connects: r.Connects, Closed: r.Closed, Again: r.Again, Starved: r.Starved, Unsent: r.Unsent, Dropped: r.Dropped,
		Curve: newCurve(r.Latency),
	}
	for status, n := range r.Statuses {
		d.Statuses[strconv.Itoa(status)] = n
	}
	return d
}

func newPercentiles(h *hdrhistogram.Histogram) Percentiles {
	at := func(p float64) float64 { return float64(h.ValueAtPercentile(p)) / 1e6 }
	return Percentiles{Mean: h.Mean() / 1e6, P50: at(50), P75: at(75), P90: at(90), P95: at(95), P99: at(99), P999: at(99.9), Max: float64(h.Max()) / 1e6}
}

// newCurve returns points of the distribution, evenly spaced on an axis of nines, as far as there
// are values: 100 values tell nothing of p99.9.
func newCurve(h *hdrhistogram.Histogram) (curve [][2]float64) {
	if h.TotalCount() == 0 {
		return [][2]float64{}
	}
	most := math.Log10(float64(h.TotalCount()))
	for x := 0.0; x <= most+0.05; x += 0.1 {
		p := 100 - 100*math.Pow(10, -x)
		curve = append(curve, [2]float64{p, float64(h.ValueAtPercentile(p)) / 1e6})
	}
	return curve
}
