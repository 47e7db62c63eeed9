package ping

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// writeDetails writes what -v tells: the status page, the values, or the head of the answer. With
// -vv that is also the beginning of the body.
func (r *Result) writeDetails(w io.Writer, p *plan) {
	for _, name := range slices.Sorted(maps.Keys(r.Answer.values)) {
		fmt.Fprintf(w, "  %s %s\n", printableLine(name, 64), printableLine(r.Answer.values[name], 64))
	}
	if pool := r.Answer.pool; pool != nil {
		for _, name := range slices.Sorted(maps.Keys(pool.Numbers)) {
			fmt.Fprintf(w, "  %-22s %d\n", printableLine(name, 64), pool.Numbers[name])
		}
		return
	}
	if r.Answer.fields == nil {
		return
	}
	fmt.Fprintf(w, "  %s\n", printableLine(r.Answer.statusLine(), 64))
	for _, f := range r.Answer.fields.Items() {
		fmt.Fprintf(w, "  %s\n", printableLine(f.Name+": "+p.Mask(f.Name, f.Value), maxLine))
	}
	if p.Verbose > 1 {
		const most = 1 << 10
		fmt.Fprintf(w, "\n  %s\n", printableLine(string(r.Answer.body), most))
	}
}

// printableLine is s without control characters and line ends, cut to n bytes.
func printableLine(s string, n int) string {
	return shorten(strings.NewReplacer("\r", " ", "\n", " ").Replace(exchange.Printable(s)), n)
}
