package ping

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// waitHealthy asks until all targets are healthy, --wait is over or the context ends. Without
// --wait it asks once. It returns the last result of each target that it has one of.
func (p *plan) waitHealthy(ctx context.Context, live *cli.Live) []*Result {
	defer live.Clear()
	begin := time.Now()
	results := make([]*Result, len(p.targets))
	for {
		p.probeAll(ctx, results)
		rest := p.wait - time.Since(begin)
		if ctx.Err() != nil {
			return slices.DeleteFunc(results, func(r *Result) bool { return r == nil })
		}
		if rest <= 0 || p.allHealthy(results) {
			return results
		}
		p.show(live, begin, worst(results))
		pause(ctx, min(p.interval, rest))
	}
}

// probeAll asks all targets at the same time: one that is busy takes no time from the others. It
// leaves the old result of a target that could not be asked to the end.
func (p *plan) probeAll(ctx context.Context, results []*Result) {
	var wg sync.WaitGroup
	for i, t := range p.targets {
		wg.Go(func() {
			if r := p.probe(ctx, t); r != nil {
				results[i] = r
			}
		})
	}
	wg.Wait()
}

// show tells on a terminal what is waited for.
func (p *plan) show(live *cli.Live, begin time.Time, r *Result) {
	now := time.Now()
	if live.Due(now) {
		live.Show(now, fmt.Sprintf("%v of %v: %s", now.Sub(begin).Round(time.Second/10), p.wait, shorten(r.line(true), 60)))
	}
}

// pause waits for a time, or for the end of the context.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
