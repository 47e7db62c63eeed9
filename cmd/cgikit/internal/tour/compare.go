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
	Differs bool // the deployments differ
}

// cell has the values of one variable in one deployment.
type cell struct {
	Sent   bool
	Value  string   // the last value, which is the one that counts
	Before []string // earlier values of the same name
}

// compare returns a row for each name in the environs. The rows have the order of the first
// environ. Names that it does not have follow, in the order of the other environs. For a nil
// environ the cells are not sent.
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

// Earlier returns the earlier values as text.
func (c cell) Earlier() string { return strings.Join(c.Before, ", ") }

// missing returns the names that are in reference and not in e, in the order of reference.
func missing(e, reference *util.Environ) []string {
	var names []string
	for name := range reference.All() {
		if _, sent := e.Lookup(name); !sent && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// sameOrder reports whether the variables that both have are in the same order.
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
