package request

import (
	"fmt"
	"maps"
	"slices"
)

// showValues shows the answer to FCGI_GET_VALUES, a line for each variable.
func (r *Request) showValues(values map[string]string) error {
	switch {
	case r.Quiet:
		return nil
	case r.JSON:
		return writeJSON(r.Stdout, values)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, err := fmt.Fprintf(r.Stdout, "%.100s=%.100s\n", name, values[name]); err != nil {
			return err
		}
	}
	if len(values) == 0 {
		r.hint("the application answered, and knows none of FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS")
	}
	return nil
}
