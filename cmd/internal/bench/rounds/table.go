package rounds

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Report writes the medians of all entries and the table of the ratios. It is called after Run.
func (c *Contest) Report(out io.Writer) {
	t := &table{out, c.widths()}
	t.row("median", c.figures(func(e *Entry) float64 { return Median(e.Rates()) }))
	t.row("CPU ns each", c.figures(func(e *Entry) float64 { return Median(e.Costs()) }))
	WriteRatios(out, c.Comparisons())
}

// WriteRatios writes one line for each comparison. It writes nothing where there are none.
func WriteRatios(out io.Writer, all []Comparison) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{{"ratio", "by throughput", "by CPU time", "bound"}}
	for _, r := range all {
		bound := ""
		if r.Least > 0 {
			bound = fmt.Sprintf("at least %.2f", r.Least)
		}
		rows = append(rows, []string{r.Of + " / " + r.To, r.Rate.String(), r.CPU.String(), bound})
	}
	WriteTable(out, rows)
}

// WriteTable writes rows of as many cells each in columns as wide as they need, the first aligned
// to the left and the others to the right.
func WriteTable(out io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	t := &table{out, widths}
	for _, row := range rows {
		t.row(row[0], row[1:])
	}
}

// table writes rows as they become known.
type table struct {
	out    io.Writer
	widths []int
}

func (t *table) row(name string, cells []string) {
	line := fmt.Sprintf("%-*s", t.widths[0], name)
	for i, cell := range cells {
		line += fmt.Sprintf("  %*s", t.widths[i+1], cell)
	}
	fmt.Fprintln(t.out, strings.TrimRight(line, " "))
}

// table writes the head of the table of the rounds.
func (c *Contest) table(out io.Writer) *table {
	t := &table{out, c.widths()}
	if c.Title != "" {
		fmt.Fprintln(out, c.Title)
	}
	var names []string
	for _, e := range c.Entries {
		names = append(names, e.Name)
	}
	t.row(c.Unit+"/s", names)
	return t
}

// widths leaves room for a rate of eight digits.
func (c *Contest) widths() []int {
	widths := []int{max(len("CPU ns each"), len(c.Unit)+2)}
	for _, e := range c.Entries {
		widths = append(widths, max(8, utf8.RuneCountInString(e.Name)))
	}
	return widths
}

func (c *Contest) figures(of func(*Entry) float64) []string {
	var cells []string
	for _, e := range c.Entries {
		cell := "-"
		if v := of(e); v != 0 {
			cell = fmt.Sprintf("%.0f", v)
		}
		cells = append(cells, cell)
	}
	return cells
}
