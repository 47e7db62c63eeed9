package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/load"
)

// ratio is the rate of TARGET by that of the other.
type ratio struct {
	rounds.Figure
	Rounds int `json:"rounds"`
	// Different reports whether the interval leaves out 1.
	Different bool `json:"different"`
}

// String is such as "1.18 (1.15-1.21)".
func (r *ratio) String() string { return fmt.Sprintf("%.2f (%.2f-%.2f)", r.Median, r.Low, r.High) }

// contestant is one of the two targets.
type contestant struct {
	exercise *exercise
	entry    *rounds.Entry
	total    *load.Result
}

// runComparison has two targets answer the same request, in rounds that take turns.
func (r *run) runComparison(ctx context.Context) error {
	var read bytes.Buffer // of standard input, which both need
	if r.Request.Stdin != nil {
		r.Request.Stdin = io.TeeReader(r.Request.Stdin, &read)
	}
	a, err := r.begin(ctx, r.Request.Target)
	if err != nil {
		return err
	}
	defer a.close()
	r.Request.Stdin = &read
	b, err := r.begin(ctx, *r.Compare)
	if err != nil {
		return err
	}
	defer b.close()
	of, to := r.newContestant(ctx, a), r.newContestant(ctx, b)
	if of.entry.Name == to.entry.Name {
		to.entry.Name += " again"
	}
	contest := &rounds.Contest{Unit: "requests", Entries: []*rounds.Entry{of.entry, to.entry}}
	err = contest.Run(ctx, r.Rounds, r.out)
	r.live.Clear()
	if err != nil && ctx.Err() == nil {
		return cli.Failure(err, fmt.Sprintf("-z %v is the time of a round: it must be longer than a request takes", r.Span))
	}
	return r.reportRatio(of, to)
}

func (r *run) newContestant(ctx context.Context, e *exercise) *contestant {
	c := &contestant{exercise: e, total: load.NewResult()}
	e.plan.Watch = r.watch(e.plan)
	warm := false // after the round that does not count
	c.entry = &rounds.Entry{Name: e.name(), Work: func() (rounds.Sample, error) {
		result, err := e.plan.Run(ctx)
		r.live.Clear()
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return rounds.Sample{}, err
		}
		if warm {
			c.total.Add(result)
		}
		warm = true
		return newSample(result), nil
	}}
	return c
}

// newSample is what counts of a round: the answers within its time, or those that came later where
// none did.
func newSample(r *load.Result) rounds.Sample {
	if r.Within == 0 {
		return rounds.Sample{Done: float64(r.OK), Took: r.Took}
	}
	return rounds.Sample{Done: float64(r.Within), Took: r.Rated}
}

// reportRatio writes what the rounds have shown, as many as both have done.
func (r *run) reportRatio(of, to *contestant) error {
	for _, c := range []*contestant{of, to} {
		d := newData(c.exercise, c.total)
		r.results = append(r.results, d)
		if err := d.writeText(r.out); err != nil {
			return err
		}
	}
	n := min(len(of.entry.Samples), len(to.entry.Samples))
	if n == 0 {
		return nil
	}
	f := rounds.Summarize(rounds.Ratios(of.entry.Rates()[:n], to.entry.Rates()[:n]))
	r.ratio = &ratio{f, n, f.Low > 1 || f.High < 1}
	text := fmt.Sprintf("no difference shown: the ratio of the rates is %s in %d rounds", r.ratio, n)
	if r.ratio.Different {
		text = fmt.Sprintf("%s is %.2fx (%.2f-%.2f) of %s, in %d rounds", of.entry.Name, f.Median, f.Low, f.High, to.entry.Name, n)
	}
	_, err := fmt.Fprintln(r.out, text)
	return err
}
