package validate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
)

// exchange is the shared state of the checks of one request. Its methods are safe for concurrent
// use, because goroutines of the application may outlive it, and because it may read Stdin in one
// goroutine and write the response in another.
type exchange struct {
	opts         *Options
	returnsError bool            // the failure is returned to a caller that logs it
	stderr       io.Writer       // for violations if Options have neither Log nor Report; may be nil
	ctx          context.Context // for log records
	method       string
	uri          string

	reported atomic.Uint64 // a bit for each rule
	failure  atomic.Pointer[Violation]
	ended    atomic.Bool // the application has returned
}

// violated reports that value breaks r, only once for each rule, so that a loop cannot flood the
// log. It returns the violation that fails the request, or nil.
func (x *exchange) violated(r rule, value string) error {
	if x.reported.Or(1<<r)&(1<<r) == 0 {
		x.report(r, value)
	}
	return x.fatalViolation()
}

func (x *exchange) report(r rule, value string) {
	v := &Violation{Rule: rules[r], Value: shorten(value), Request: shorten(x.method + " " + x.uri)}
	if v.Rule.Side == SideApp {
		v.Where = appCaller()
	}
	fails := v.Rule.Severity == SeverityError && !x.opts.KeepGoing && !x.ended.Load() && x.failure.CompareAndSwap(nil, v)
	if x.opts.Report != nil {
		x.opts.Report(v)
	}
	switch {
	case fails && x.returnsError:
	case x.opts.Log != nil:
		x.log(v)
	case x.opts.Report == nil && x.stderr != nil:
		fmt.Fprintf(x.stderr, "%.80q: %v\n", v.Request, v)
	}
}

func (x *exchange) log(v *Violation) {
	level := slog.LevelError
	if v.Rule.Severity == SeverityWarning {
		level = slog.LevelWarn
	}
	x.opts.Log.LogAttrs(x.ctx, level, "validate: rule broken",
		slog.String("rule", v.Rule.ID), slog.String("side", string(v.Rule.Side)), slog.String("value", v.Value),
		slog.String("where", v.Where), slog.String("request", v.Request),
		slog.String("text", v.Rule.Text), slog.String("source", v.Rule.Source))
}

// fatalViolation returns the violation that fails the request, or nil.
func (x *exchange) fatalViolation() error {
	if v := x.failure.Load(); v != nil {
		return v
	}
	return nil
}
