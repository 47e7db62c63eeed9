package ping

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// condition is the EXPR of --fail-if and --warn-if: a name, an operator and a number.
type condition struct {
	text     string // as the user wrote it
	name, op string
	limit    float64 // seconds for latency, percent for saturation
}

// metrics are the names that a condition may have. The first three are figures of the probe, the
// others of the status page.
var metrics = []string{
	"latency", "queue", "saturation",
	"accepted-conn", "listen-queue", "max-listen-queue", "listen-queue-len",
	"idle-processes", "active-processes", "total-processes", "max-active-processes",
	"max-children-reached", "slow-requests", "start-since", "memory-peak",
}

const conditionHint = "such as 'saturation>=90%', 'listen-queue>10', 'idle-processes<1', 'latency>200ms'"

// parseCondition reads an EXPR. Its error is of the command line.
func parseCondition(flag, text string) (condition, error) {
	c := condition{text: text}
	at := strings.IndexAny(text, "<>=!")
	if at < 0 {
		return c, cli.Usage(fmt.Errorf("--%s %.64q has no operator", flag, text), conditionHint)
	}
	c.name = strings.ReplaceAll(strings.TrimSpace(text[:at]), " ", "-")
	rest := strings.TrimLeft(text[at:], "<>=!")
	c.op = text[at : len(text)-len(rest)]
	if !slices.Contains([]string{"<", "<=", ">", ">=", "=", "==", "!="}, c.op) {
		return c, cli.Usage(fmt.Errorf("--%s %.64q: %.8q is not an operator", flag, text, c.op), "one of < <= > >= == !=")
	}
	if !slices.Contains(metrics, c.name) {
		return c, cli.Usage(fmt.Errorf("--%s %.64q: %.40q is not known", flag, text, c.name), "one of "+strings.Join(metrics, ", "))
	}
	var err error
	if c.limit, err = c.parseLimit(strings.TrimSpace(rest)); err != nil {
		return c, cli.Usage(fmt.Errorf("--%s %.64q: %w", flag, text, err), conditionHint)
	}
	return c, nil
}

// parseLimit reads the number of the condition. A latency has a unit of time, and a saturation may
// have a percent sign.
func (c condition) parseLimit(s string) (float64, error) {
	if c.name == "latency" {
		d, err := time.ParseDuration(s)
		if err != nil {
			return 0, fmt.Errorf("%.32q is not a time such as 200ms", s)
		}
		return d.Seconds(), nil
	}
	if c.name == "saturation" {
		s = strings.TrimSuffix(s, "%")
	}
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || !(n >= 0 && n <= 1<<53) { // NaN is not
		return 0, fmt.Errorf("%.32q is not a number of %s", s, c.name)
	}
	return n, nil
}

// needsPage reports whether only the status page has the value.
func (c condition) needsPage() bool { return c.name != "latency" && c.name != "queue" }

// value returns what the condition compares. It is not known where the queue cannot be read, and
// where the status page of this php-fpm has no such line.
func (c condition) value(r *Result) (v float64, known bool) {
	switch pool := r.Answer.pool; {
	case c.name == "latency":
		return r.Latency.Seconds(), true
	case c.name == "queue":
		return float64(r.Queue.Waiting), r.Queue.Known
	case pool == nil:
		return 0, false
	case c.name == "saturation":
		return pool.saturation(), true
	case c.name == "listen-queue" && r.Queue.Known: // the page has 0 for a unix socket, whatever waits
		return max(float64(pool.Numbers[c.name]), float64(r.Queue.Waiting)), true
	default:
		n, ok := pool.Numbers[c.name]
		return float64(n), ok
	}
}

// check reports whether the condition is true of r, which is false where its value is not known.
func (c condition) check(r *Result) bool {
	v, known := c.value(r)
	if !known {
		return false
	}
	switch c.op {
	case "<":
		return v < c.limit
	case "<=":
		return v <= c.limit
	case ">":
		return v > c.limit
	case ">=":
		return v >= c.limit
	case "!=":
		return v != c.limit
	}
	return v == c.limit
}

// describe is such as "saturation 100% >= 90%".
func (c condition) describe(r *Result) string {
	v, _ := c.value(r)
	return fmt.Sprintf("%s %s %s %s", c.name, c.format(v), c.op, c.format(c.limit))
}

func (c condition) format(v float64) string {
	switch c.name {
	case "latency":
		return formatLatency(time.Duration(v * float64(time.Second)))
	case "saturation":
		return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64) + "%"
	}
	return strconv.FormatFloat(v, 'f', -1, 64)
}
