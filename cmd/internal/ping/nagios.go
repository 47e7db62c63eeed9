package ping

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Nagios's exit statuses.
const (
	nagiosOK       = 0
	nagiosWarning  = 1
	nagiosCritical = 2
	nagiosUnknown  = 3
)

var nagiosWords = []string{"OK", "WARNING", "CRITICAL", "UNKNOWN"}

func nagiosStatus(r *Result, live bool) int {
	switch {
	case r.State == Warning:
		return nagiosWarning
	case r.healthy(live):
		return nagiosOK
	}
	return nagiosCritical
}

// writeNagios writes one line: the worst target, and after the bar the figures of all.
func (p *plan) writeNagios(results []*Result, w io.Writer) error {
	r := worst(results)
	text := r.line(p.named)
	if len(results) > 1 {
		text = fmt.Sprintf("%d targets, the worst is %s", len(results), text)
	}
	var figures []string
	for _, r := range results {
		prefix := ""
		if len(results) > 1 {
			prefix = r.place() + " "
		}
		figures = append(figures, p.figures(r, prefix)...)
	}
	// A bar ends the text.
	text = strings.ReplaceAll(shorten(text, maxLine), "|", "/")
	_, err := fmt.Fprintf(w, "PING %s - %s | %s\n", nagiosWords[nagiosStatus(r, p.live)], text, strings.Join(figures, " "))
	return err
}

// figures are label=value;warn;crit;min;max of what is known of r: latency, queue, saturation, and
// what the conditions compare.
func (p *plan) figures(r *Result, prefix string) (figures []string) {
	for i, name := range metrics {
		c := condition{name: name}
		v, known := c.value(r)
		if !known || name == "latency" && r.State >= Busy || i >= alwaysFigures && !p.compares(name) {
			continue
		}
		unit := map[string]string{"latency": "s", "saturation": "%"}[name]
		label := strings.NewReplacer("'", "_", "=", "_", "|", "_").Replace(prefix + name)
		figures = append(figures, fmt.Sprintf("'%s'=%.6g%s;%s;%s;0;", label, v, unit, nagiosRange(p.warnIf, name), nagiosRange(p.failIf, name)))
	}
	return figures
}

// alwaysFigures is how many of metrics are told although no condition compares them.
const alwaysFigures = 3

func (p *plan) compares(name string) bool {
	return slices.ContainsFunc(slices.Concat(p.failIf, p.warnIf), func(c condition) bool { return c.name == name })
}

// nagiosRange is the range outside of which the plugin guidelines have an alert, of the first
// condition that can be written so: "10" for >10, "1:" for <1.
func nagiosRange(conditions []condition, name string) string {
	for _, c := range conditions {
		if c.name != name {
			continue
		}
		switch c.op[0] {
		case '>':
			return fmt.Sprintf("%.6g", c.limit)
		case '<':
			return fmt.Sprintf("%.6g:", c.limit)
		}
	}
	return ""
}
