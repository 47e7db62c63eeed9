package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// Head writes the machine and the command.
func (r *Report) Head(out io.Writer) {
	m := r.Machine
	for _, line := range [][2]string{
		{"command", strings.Join(r.Command, " ")},
		{"began", r.Began.Format(time.RFC3339)},
		{"system", m.System},
		{"processor", fmt.Sprintf("%d of %s", m.Processors, m.Processor)},
		{"memory", m.Memory},
		{"load", m.Load},
		{"versions", m.Go + ", cgikit " + m.Revision},
	} {
		fmt.Fprintf(out, "%-10s %s\n", line[0], line[1])
	}
}

// Text writes a result as a table. The ratios are those of its base to each row.
func (r Result) Text(out io.Writer) {
	fmt.Fprintf(out, "\n%s: %s\n", r.Deployment, r.Work)
	if len(r.Measures) > 0 {
		r.measures(out)
		return
	}
	table := [][]string{{"", r.Unit + "/s", "CPU us each", r.Base + "'s by throughput", "by CPU time"}}
	for _, row := range r.Rows {
		table = append(table, []string{row.Name, quantity(row.Rate, 1), quantity(row.CPU, 1000), row.ByRate.String(), row.ByCPU.String()})
	}
	rounds.WriteTable(out, table)
}

// measures writes a result of other figures than rate and processor time. The ratios are those of
// each row to its base.
func (r Result) measures(out io.Writer) {
	head := []string{"", r.Unit + "/s", "CPU us each"}
	for _, m := range r.Measures {
		head = append(head, m.Name+", "+m.Unit)
	}
	for _, m := range r.Measures {
		head = append(head, m.Name+" by "+r.Base+"'s")
	}
	table := [][]string{append(head, "")}
	for _, row := range r.Rows {
		cells := []string{row.Name, quantity(row.Rate, 1), quantity(row.CPU, 1000)}
		for _, f := range row.More {
			cells = append(cells, quantity(f, 1))
		}
		for _, f := range row.ByMore {
			cells = append(cells, f.String())
		}
		note := map[bool]string{true: "cannot keep up"}[r.Late(row)]
		table = append(table, append(cells, note))
	}
	rounds.WriteTable(out, table)
}

// quantity is a figure in units of so many.
func quantity(f rounds.Figure, unit float64) string {
	if !f.Known() {
		return "-"
	}
	digits := 0
	if f.Median/unit < 100 {
		digits = 1
	}
	return fmt.Sprintf("%.*f [%.*f, %.*f]", digits, f.Median/unit, digits, f.Low/unit, digits, f.High/unit)
}

// Tail writes the peers: those that took part with their versions, and those that did not with the
// reason.
func (r *Report) Tail(out io.Writer) {
	fmt.Fprintf(out, "\npeers, and how they were started\n")
	for _, p := range r.Peers {
		text := strings.Join(p.Command, " ")
		if p.Missing != "" {
			text = "left out: " + p.Missing
		}
		fmt.Fprintf(out, "%-16s %-16s %s\n", p.Name, p.Version, text)
	}
	fmt.Fprintf(out, "took %v\n", r.Took.Round(time.Second))
}
