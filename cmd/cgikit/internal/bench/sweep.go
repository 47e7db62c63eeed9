package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

const (
	sweepHint = "such as c=1,2,4,8,16, or c=1,2,4,...,64"
	mostSizes = 64
	// nearBest is how much of the best rate counts as the best: what is more is not worth the
	// connections.
	nearBest = 0.95
)

// parseSweep reads "c=1,2,4". "..." stands for the powers of two between its neighbours.
func parseSweep(text string) (sizes []int, err error) {
	if text == "" {
		return nil, nil
	}
	list, found := strings.CutPrefix(text, "c=")
	if !found {
		return nil, cli.Usage(fmt.Errorf("--sweep %.64q does not begin with c=", text), sweepHint)
	}
	double := false
	for s := range strings.SplitSeq(list, ",") {
		if s == "..." || s == "…" {
			double = len(sizes) > 0
			continue
		}
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > mostConns || len(sizes) > 0 && n <= sizes[len(sizes)-1] {
			return nil, cli.Usage(fmt.Errorf("--sweep %.64q: %.32q is not a number up to %d, larger than the one before", text, s, mostConns), sweepHint)
		}
		for double && sizes[len(sizes)-1]*2 < n {
			sizes = append(sizes, sizes[len(sizes)-1]*2)
		}
		double = false
		if sizes = append(sizes, n); len(sizes) > mostSizes {
			return nil, cli.Usage(fmt.Errorf("--sweep has more than %d numbers", mostSizes), sweepHint)
		}
	}
	if len(sizes) < 2 {
		return nil, cli.Usage(fmt.Errorf("--sweep %.64q has fewer than two numbers", text), sweepHint)
	}
	return sizes, nil
}

// runSweep measures with one number of connections after the other.
func (r *run) runSweep(ctx context.Context) error {
	e, err := r.begin(ctx, r.Request.Target)
	if err != nil {
		return err
	}
	defer e.close()
	fmt.Fprintf(r.out, "%s\n%6s %10s %10s %10s %10s\n", e.name(), "c", "per s", "p50 ms", "p99 ms", "errors")
	for _, n := range r.sizes {
		if ctx.Err() != nil {
			break
		}
		e.plan.Conns = n
		e.plan.Watch = r.watch(e.plan)
		result, err := e.plan.Run(ctx)
		r.live.Clear()
		if err != nil {
			return err
		}
		d := newData(e, result)
		r.results = append(r.results, d)
		fmt.Fprintf(r.out, "%6d %10s %10s %10s %10s\n", n, perSecond(d.PerSecond), threeDigits(d.Latency.P50), threeDigits(d.Latency.P99), thousands(d.Failed))
	}
	return r.reportKnee()
}

// findKnee returns the first result with at least 0.95 of the best rate; nil where that is the last
// one or nothing was answered.
func findKnee(all []*Data) *Data {
	best := 0.0
	for _, d := range all {
		best = max(best, d.PerSecond)
	}
	for i, d := range all {
		if best > 0 && d.PerSecond >= nearBest*best {
			if i == len(all)-1 {
				return nil
			}
			return d
		}
	}
	return nil
}

func (r *run) reportKnee() error {
	if len(r.results) == 0 {
		return nil
	}
	last := r.results[len(r.results)-1]
	knee := findKnee(r.results)
	if knee == nil {
		_, err := fmt.Fprintf(r.out, "no knee up to c=%d: more connections may give more\n", last.Conns)
		return err
	}
	r.knee = knee.Conns
	_, err := fmt.Fprintf(r.out, "the knee is at c=%d: %s /s is within 5 %% of the best; more requests at a time only wait (p50 %s ms, and %s ms at c=%d). pm.max_children of about %d is enough.\n",
		knee.Conns, perSecond(knee.PerSecond), threeDigits(knee.Latency.P50), threeDigits(last.Latency.P50), last.Conns, knee.Conns)
	return err
}
