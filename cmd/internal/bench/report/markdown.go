package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// Table says which results, and which of their peers, stand in the table of the README.
type Table struct {
	Head    string
	Rows    []TableRow
	Columns []TableColumn
}

// TableRow is one result.
type TableRow struct {
	Name             string
	Deployment, Work string // of the result, whose work begins with Work
	Measure          int    // the index of the one measure that the row has, if the result has some
}

// TableColumn has one peer in each row: the first that took part.
type TableColumn struct {
	Name  string
	Peers []string
}

// Markdown writes a table of the ratios. A cell has the peer, and this module's ratio to it by
// throughput and by processor time; for a measure it has the peer's figure by this module's. So
// this module is ahead where a ratio is over 1. "too slow" is a peer that could not do what was
// asked for.
func (r *Report) Markdown(out io.Writer, t Table) error {
	lines := t.HeadLines()
	for _, row := range t.Rows {
		line := "| " + row.Name + " |"
		for _, column := range t.Columns {
			line += " " + r.cell(row, column) + " |"
		}
		lines = append(lines, line)
	}
	_, err := io.WriteString(out, strings.Join(lines, "\n")+"\n")
	return err
}

// HeadLines returns the two lines with which the table begins.
func (t Table) HeadLines() []string {
	head := "| " + t.Head + " |"
	for _, c := range t.Columns {
		head += " " + c.Name + " |"
	}
	return []string{head, "|" + strings.Repeat("---|", 1+len(t.Columns))}
}

// Find returns the result of a row, or nil.
func (r *Report) Find(row TableRow) *Result {
	for i, one := range r.Results {
		if one.Deployment == row.Deployment && strings.HasPrefix(one.Work, row.Work) {
			return &r.Results[i]
		}
	}
	return nil
}

// cell is empty if none of the column's peers took part.
func (r *Report) cell(row TableRow, column TableColumn) string {
	result := r.Find(row)
	if result == nil {
		return ""
	}
	for _, name := range column.Peers {
		j := slices.IndexFunc(result.Rows, func(one Row) bool { return one.Name == name })
		switch {
		case j < 0 || name == result.Base:
		case result.Late(result.Rows[j]):
			return name + ": too slow"
		default:
			return name + " " + result.Rows[j].ratios(row.Measure)
		}
	}
	return ""
}

// ratios is "0.67 / 0.56" for throughput and processor time.
func (r Row) ratios(measure int) string {
	if len(r.ByMore) > 0 {
		return ratio(r.ByMore[measure])
	}
	return ratio(r.ByRate) + " / " + ratio(r.ByCPU)
}

func ratio(f rounds.Figure) string {
	switch {
	case !f.Known():
		return "?"
	case f.Median >= 10:
		return fmt.Sprintf("%.0f", f.Median)
	case f.Median >= 2:
		return fmt.Sprintf("%.1f", f.Median)
	}
	return fmt.Sprintf("%.2f", f.Median)
}

// Replace returns the text with the table in it replaced. Both tables begin with the HeadLines.
func (t Table) Replace(text, table string) (string, error) {
	before, rest, ok := strings.Cut(text, strings.Join(t.HeadLines(), "\n")+"\n")
	if !ok {
		return "", errors.New("the text has no table that begins with " + t.HeadLines()[0])
	}
	for strings.HasPrefix(rest, "|") {
		_, rest, _ = strings.Cut(rest, "\n")
	}
	return before + table + rest, nil
}
