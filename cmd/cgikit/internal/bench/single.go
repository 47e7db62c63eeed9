package bench

import (
	"context"
	"fmt"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/load"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// runSingle measures one target.
func (r *run) runSingle(ctx context.Context) error {
	e, err := r.begin(ctx, r.Request.Target)
	if err != nil {
		return err
	}
	defer e.close()
	if ctx.Err() != nil {
		return nil
	}
	e.plan.Watch = r.watch(e.plan)
	result, err := e.plan.Run(ctx)
	r.live.Clear()
	if err != nil {
		return err
	}
	r.files.histogram = result.Latency
	d := newData(e, result)
	r.results = append(r.results, d)
	return d.writeText(r.out)
}

// begin makes the exercise of a target, and sends the first request.
func (r *run) begin(ctx context.Context, t target.Target) (*exercise, error) {
	e, err := r.newExercise(ctx, t)
	if err != nil {
		return nil, err
	}
	if err := e.sendFirst(ctx); err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// watch shows the live line.
func (r *run) watch(p load.Plan) func(time.Time, *load.Result) {
	return func(now time.Time, result *load.Result) {
		if r.live.Due(now) {
			r.live.Show(now, liveLine(p, result))
		}
	}
}

// liveLine is what is known while a run is under way.
func liveLine(p load.Plan, r *load.Result) string {
	of := fmt.Sprintf("%s requests", thousands(p.Count))
	done := thousands(r.Ended())
	if p.Span > 0 {
		done, of = fmt.Sprintf("%.1f s", r.Took.Seconds()), fmt.Sprintf("%.4g s", p.Span.Seconds())
	}
	return fmt.Sprintf("%s / %s   %s req/s   p50 %s ms   p99 %s ms   errors %s", done, of, thousands(int64(r.PerSecond())),
		milliseconds(r.Latency.ValueAtPercentile(50)), milliseconds(r.Latency.ValueAtPercentile(99)), thousands(r.Failed()))
}
