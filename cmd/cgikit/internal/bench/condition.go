package bench

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// condition is the EXPR of --fail-if: a name, an operator and a number.
type condition struct {
	text     string // as the user wrote it
	name, op string
	limit    float64 // milliseconds of a latency
	percent  bool    // of errors: of all requests
}

const conditionHint = "such as 'p99>10ms', 'errors>0.1%', 'rate<5000', 'ratio<0.95'"

// latencies are the names of times, with what they are of a result.
var latencies = map[string]func(*Data) float64{
	"mean": func(d *Data) float64 { return d.Latency.Mean }, "max": func(d *Data) float64 { return d.Latency.Max },
	"p50": func(d *Data) float64 { return d.Latency.P50 }, "p75": func(d *Data) float64 { return d.Latency.P75 },
	"p90": func(d *Data) float64 { return d.Latency.P90 }, "p95": func(d *Data) float64 { return d.Latency.P95 },
	"p99": func(d *Data) float64 { return d.Latency.P99 }, "p99.9": func(d *Data) float64 { return d.Latency.P999 },
	"first-byte-p50": func(d *Data) float64 { return d.FirstByte.P50 }, "first-byte-p99": func(d *Data) float64 { return d.FirstByte.P99 },
}

// numbers are the names of other figures.
var numbers = map[string]func(*Data) float64{
	"errors": func(d *Data) float64 { return float64(d.Failed) }, "rate": func(d *Data) float64 { return d.PerSecond },
	"app-status": func(d *Data) float64 { return float64(d.AppStatus) },
}

// parseCondition reads an EXPR. Its error is of the command line.
func parseCondition(text string, compared bool) (condition, error) {
	c := condition{text: text}
	at := strings.IndexAny(text, "<>")
	if at < 0 {
		return c, cli.Usage(fmt.Errorf("--fail-if %.64q has no operator of < <= > >=", text), conditionHint)
	}
	c.name, c.op = strings.TrimSpace(text[:at]), text[at:at+1]
	rest := text[at+1:]
	if strings.HasPrefix(rest, "=") {
		c.op, rest = c.op+"=", rest[1:]
	}
	if err := c.parseLimit(strings.TrimSpace(rest)); err != nil {
		return c, cli.Usage(fmt.Errorf("--fail-if %.64q: %w", text, err), conditionHint)
	}
	if c.name == "ratio" && !compared {
		return c, cli.Usage(fmt.Errorf("--fail-if %.64q: there is no ratio without --compare", text), conditionHint)
	}
	return c, nil
}

func (c *condition) parseLimit(s string) (err error) {
	if latencies[c.name] != nil {
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 {
			return fmt.Errorf("%.32q is not a time such as 10ms", s)
		}
		c.limit = float64(d) / 1e6
		return nil
	}
	if numbers[c.name] == nil && c.name != "ratio" {
		return fmt.Errorf("%.40q is not known: it is one of %s", c.name, strings.Join(conditionNames(), ", "))
	}
	if c.name == "errors" {
		s, c.percent = strings.CutSuffix(s, "%")
	}
	c.limit, err = strconv.ParseFloat(s, 64)
	if err != nil || !(c.limit >= 0 && c.limit <= 1<<53) { // NaN is not
		return fmt.Errorf("%.32q is not a number", s)
	}
	return nil
}

func conditionNames() []string {
	names := []string{"ratio"}
	for name := range latencies {
		names = append(names, name)
	}
	for name := range numbers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// figure is what the condition compares. It is not known of the times of a result without answers.
func (c condition) figure(d *Data) (v float64, known bool) {
	if of := latencies[c.name]; of != nil {
		return of(d), d.OK > 0
	}
	v = numbers[c.name](d)
	if c.percent {
		return 100 * v / float64(max(d.Requests, 1)), true
	}
	return v, true
}

func (c condition) check(v float64) bool {
	switch c.op {
	case "<":
		return v < c.limit
	case "<=":
		return v <= c.limit
	case ">":
		return v > c.limit
	}
	return v >= c.limit
}

// checkConditions returns an error that names each condition that is true. One of the ratio is true
// only if all of its interval is. A latency without an answer is one that is too long.
func (r *run) checkConditions() error {
	var failed []error
	for _, c := range r.conditions {
		if c.name == "ratio" {
			if f := r.ratio; f != nil && c.check(f.Low) && c.check(f.High) {
				failed = append(failed, fmt.Errorf("%s: the ratio is %s", c.text, f))
			}
			continue
		}
		for _, d := range r.results[:min(len(r.results), 1)] {
			v, known := c.figure(d)
			switch {
			case !known && c.op[0] == '>':
				failed = append(failed, fmt.Errorf("%s: no request had a right answer", c.text))
			case known && c.check(v):
				failed = append(failed, fmt.Errorf("%s: it is %s", c.text, c.format(v)))
			}
		}
	}
	if len(failed) == 0 {
		return nil
	}
	return cli.Failure(oneLine(failed), "")
}

// format is a value with its unit.
func (c condition) format(v float64) string {
	switch {
	case latencies[c.name] != nil:
		return threeDigits(v) + " ms"
	case c.percent:
		return strconv.FormatFloat(v, 'g', 3, 64) + " %"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}

func oneLine(all []error) error {
	var texts []string
	for _, err := range all {
		texts = append(texts, err.Error())
	}
	return errors.New(strings.Join(texts, "; "))
}
