package tour

import (
	"slices"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// row is one variable in all deployments.
type row struct {
	Name    string
	Cells   []cell
	Differs bool // the deployments do not agree
}

// cell is what one deployment was sent under a name.
type cell struct {
	Sent   bool
	Value  string   // the last, which counts
	Before []string // values sent before that under the same name
}

// compare lays environs side by side, one row for each name. The rows are in the order of the first
// environ; names that it does not have follow in the order in which the others have them. A nil
// environ is a column of cells that were not sent.
func compare(environs []*util.Environ) []row {
	var rows []row
	index := make(map[string]int)
	for column, e := range environs {
		for name, value := range e.All() {
			at, known := index[name]
			if !known {
				at = len(rows)
				index[name] = at
				rows = append(rows, row{Name: name, Cells: make([]cell, len(environs))})
			}
			rows[at].Cells[column].add(value)
		}
	}
	for i := range rows {
		first := rows[i].Cells[0]
		rows[i].Differs = slices.ContainsFunc(rows[i].Cells, func(c cell) bool { return !c.equal(first) })
	}
	return rows
}

func (c *cell) add(value string) {
	if c.Sent {
		c.Before = append(c.Before, c.Value)
	}
	c.Sent, c.Value = true, value
}

func (c cell) equal(d cell) bool {
	return c.Sent == d.Sent && c.Value == d.Value && slices.Equal(c.Before, d.Before)
}

// Earlier returns the values that do not count, for the page.
func (c cell) Earlier() string { return strings.Join(c.Before, ", ") }

// missing returns the names that reference has and e has not, in reference's order.
func missing(e, reference *util.Environ) []string {
	var names []string
	for name := range reference.All() {
		if _, sent := e.Lookup(name); !sent && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// sameOrder reports whether the variables that both have come in the same order.
func sameOrder(a, b *util.Environ) bool {
	shared := func(e, other *util.Environ) []string {
		var names []string
		for name := range e.All() {
			if _, sent := other.Lookup(name); sent {
				names = append(names, name)
			}
		}
		return names
	}
	return slices.Equal(shared(a, b), shared(b, a))
}
