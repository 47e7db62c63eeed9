package ping

import (
	"context"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/asking"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Prober asks one target again and again, as the verb does without conditions: for a readiness
// check, and for the figures of php-fpm's status page. It is safe for concurrent use.
type Prober struct {
	plan   plan
	target target.Target
}

// NewProber returns a Prober of the target at a, which the user calls name. Status is the path of
// php-fpm's status page, or "" for the question of the verb without flags. Timeout bounds each
// probe. The error is of the command line.
func NewProber(a listen.Address, name, status string, timeout time.Duration) (*Prober, error) {
	o := &Options{Flags: asking.Flags{Timeout: timeout}, status: status}
	return &Prober{plan{Options: o}, target.Target{Address: a, Name: name}}, checkPath("--status", status)
}

// Probe asks once. It returns nil where ctx ended before there was an answer.
func (p *Prober) Probe(ctx context.Context) *Result { return p.plan.probe(ctx, p.target) }

// ReadQueue returns how many connections wait at the target's socket.
func (p *Prober) ReadQueue() Queue { return readQueue(p.target) }

// Answered reports whether a response came, also one with an error status or without its end.
func (r *Result) Answered() bool {
	return r.State <= Warning || r.State == Unhealthy && r.Answer.status > 0
}

// Metric is one figure of php-fpm's status page, under the name that --openmetrics gives it.
type Metric struct {
	Name, Kind, Help string // a counter's name ends with _total
	Value            float64
}

// Pool returns the name and the figures of php-fpm's status page, or ok false where it did not
// come. A figure that this php-fpm does not have is left out.
func (r *Result) Pool() (name string, figures []Metric, ok bool) {
	if r.Answer.pool == nil {
		return "", nil, false
	}
	for _, f := range families {
		v, known := condition{name: f.of}.value(r)
		if known && strings.HasPrefix(f.name, "phpfpm_") {
			figures = append(figures, Metric{f.name + f.suffix(), f.kind, f.help, v})
		}
	}
	return r.Answer.pool.Name, figures, true
}
