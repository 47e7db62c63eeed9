// Package report has what the comparison of all peers found, and writes it as text, as JSON and as
// a chart.
package report

import (
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// Report is one run.
type Report struct {
	Began   time.Time     `json:"began"`
	Took    time.Duration `json:"took_ns"`
	Command []string      `json:"command"`
	Machine Machine       `json:"machine"`
	Peers   []Peer        `json:"peers"`
	Results []Result      `json:"results"`
}

// Peer is one that took part, or was missing.
type Peer struct {
	Name    string   `json:"name"`
	Version string   `json:"version,omitempty"` // "" for a server of this module and its floors
	Command []string `json:"command,omitempty"` // of its first start
	Missing string   `json:"missing,omitempty"` // why it did not take part
}

// Result is one work in one deployment.
type Result struct {
	Deployment string `json:"deployment"`
	Work       string `json:"work"`
	Unit       string `json:"unit"` // of the work, in the plural
	Base       string `json:"base"` // the row that is compared with the others
	Rows       []Row  `json:"rows"`

	Asked    float64          `json:"asked,omitempty"`    // pieces of work per second that are asked for; 0: as many as a peer can do
	Measures []rounds.Measure `json:"measures,omitempty"` // of which each row has figures
}

// Row is what one peer did.
type Row struct {
	Name   string        `json:"name"`
	Rates  []float64     `json:"rates"`       // pieces of work per second, in each round
	Rate   rounds.Figure `json:"rate"`        // of the rates
	CPU    rounds.Figure `json:"cpu_ns"`      // processor time of a piece of work; all zero: not known
	ByRate rounds.Figure `json:"base_by"`     // the base's rate by that of this row
	ByCPU  rounds.Figure `json:"base_by_cpu"` // the CPU of this row by the base's; all zero: not known

	More   []rounds.Figure `json:"more,omitempty"`      // of each measure
	ByMore []rounds.Figure `json:"base_more,omitempty"` // the figure of this row by the base's; all zero: not known
}

// late is the part of the work that is asked for which a row must do.
const late = 0.9

// Late reports whether a row could not do what was asked for.
func (r Result) Late(row Row) bool { return row.Rate.Median < late*r.Asked }

// Note records a peer, once. A peer that took part in one result is not missing.
func (r *Report) Note(p Peer) {
	i := slices.IndexFunc(r.Peers, func(q Peer) bool { return q.Name == p.Name })
	switch {
	case i < 0:
		r.Peers = append(r.Peers, p)
	case r.Peers[i].Missing != "" && p.Missing == "":
		r.Peers[i] = p
	}
}

// Add records a result, and returns it. The contest's title follows the name of the work. The base
// is compared with each entry that ran.
func (r *Report) Add(deployment, work, base string, c *rounds.Contest) Result {
	if c.Title != "" {
		work += ", " + c.Title
	}
	result := Result{Deployment: deployment, Work: work, Unit: c.Unit, Base: base, Asked: c.Asked, Measures: c.Measures}
	of := c.Entry(base)
	for _, e := range c.Entries {
		row := Row{Name: e.Name, Rates: e.Rates(), Rate: rounds.Summarize(e.Rates()), CPU: rounds.Summarize(e.Costs())}
		if of != nil && of != e {
			row.ByRate = rounds.Summarize(rounds.Ratios(of.Rates(), e.Rates()))
			row.ByCPU = rounds.Summarize(rounds.Ratios(e.Costs(), of.Costs()))
		}
		row.compareMore(len(c.Measures), e, of)
		result.Rows = append(result.Rows, row)
	}
	r.Results = append(r.Results, result)
	return result
}

// compareMore fills in the first n measures.
func (r *Row) compareMore(n int, e, of *rounds.Entry) {
	for i := range n {
		ratio := rounds.Figure{}
		if of != nil && of != e {
			ratio = rounds.Summarize(rounds.Ratios(e.More(i), of.More(i)))
		}
		r.More = append(r.More, rounds.Summarize(e.More(i)))
		r.ByMore = append(r.ByMore, ratio)
	}
}

// JSON writes the report.
func (r *Report) JSON(out io.Writer) error {
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	return e.Encode(r)
}
