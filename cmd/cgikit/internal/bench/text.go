package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// thousands is a number with commas.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// milliseconds is a time in nanoseconds with three digits.
func milliseconds(ns int64) string { return threeDigits(float64(ns) / 1e6) }

func threeDigits(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

// perSecond is a rate.
func perSecond(v float64) string {
	if v < 100 {
		return threeDigits(v)
	}
	return thousands(int64(v + 0.5))
}

// title says what was measured, and how.
func (d *Data) title() string {
	name := d.Target + d.Path
	if strings.HasPrefix(d.Target, "cgi:") {
		name = d.Target + " " + d.Path
	}
	text := fmt.Sprintf("%s   %s s, %d at a time, one connection a request", name, threeDigits(d.Seconds), d.Conns)
	if d.Kept {
		text = fmt.Sprintf("%s   %s s, %d connections kept", name, threeDigits(d.Seconds), d.Conns)
	}
	if d.Streams > 1 {
		text += fmt.Sprintf(", %d requests on each", d.Streams)
	}
	if d.DueRate > 0 {
		return text + fmt.Sprintf(", open loop of %s requests/s", perSecond(d.DueRate))
	}
	return text + ", closed loop"
}

// writeText writes the result for people.
func (d *Data) writeText(w io.Writer) error {
	l, f := d.Latency, d.FirstByte
	text := d.title() + "\n" +
		fmt.Sprintf("requests   %s   %s /s      errors %s\n", thousands(d.Requests), perSecond(d.PerSecond), thousands(d.Failed))
	if d.OK > 0 {
		text += fmt.Sprintf("latency    p50 %s   p90 %s   p99 %s   p99.9 %s   max %s ms\n", threeDigits(l.P50), threeDigits(l.P90), threeDigits(l.P99), threeDigits(l.P999), threeDigits(l.Max)) +
			fmt.Sprintf("first byte p50 %s   p90 %s   p99 %s   p99.9 %s   max %s ms\n", threeDigits(f.P50), threeDigits(f.P90), threeDigits(f.P99), threeDigits(f.P999), threeDigits(f.Max))
	}
	text += fmt.Sprintf("status     %s      appStatus not 0: %s\n", counts(d.Statuses), thousands(d.AppStatus))
	if len(d.Errors) > 0 {
		text += "errors     " + counts(d.Errors) + "\n"
	}
	for _, note := range d.notes() {
		text += "note       " + note + "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// counts is a list of numbers by name.
func counts(m map[string]int64) string {
	if len(m) == 0 {
		return "none"
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		all = append(all, name+": "+thousands(m[name]))
	}
	return strings.Join(all, "   ")
}

// notes tell what makes the result other than it looks.
func (d *Data) notes() (notes []string) {
	if d.Starved > 0 {
		notes = append(notes, fmt.Sprintf("%d connections never got an answer: the application serves fewer at a time; -c %d, or --no-keep-conn", d.Starved, max(d.Conns-d.Starved, 1)))
	}
	if d.Closed > 0 {
		notes = append(notes, fmt.Sprintf("the server closed %s connections that were to be kept; %s requests were sent again", thousands(d.Closed), thousands(d.Again)))
	}
	if d.Unsent > 0 {
		notes = append(notes, fmt.Sprintf("%s requests were due and not sent, since all connections were busy: the latency leaves them out", thousands(d.Unsent)))
	}
	if d.Dropped > 0 {
		notes = append(notes, fmt.Sprintf("%s requests were under way at the end", thousands(d.Dropped)))
	}
	return notes
}
