package validate

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
)

// exchange is what the checks of one request share. Its methods are safe for concurrent use,
// because an application may leave goroutines behind, and reading the one stream does not wait for
// writing the other.
type exchange struct {
	opts    *Options
	carried bool            // the failure reaches whoever logs it as an error
	stderr  io.Writer       // takes what nobody else does; may be nil
	ctx     context.Context // for records
	method  string
	uri     string

	reported atomic.Uint64 // a bit for each rule
	failure  atomic.Pointer[Violation]
	ended    atomic.Bool // the application has returned
}

// violated reports that r was broken by value: once for each rule, so that a loop cannot flood the
// log. It returns why the request has failed, if it has.
func (x *exchange) violated(r rule, value string) error {
	if x.reported.Or(1<<r)&(1<<r) == 0 {
		x.report(r, value)
	}
	return x.failed()
}

func (x *exchange) report(r rule, value string) {
	v := &Violation{Rule: rules[r], Value: cut(value), Request: cut(x.method + " " + x.uri)}
	if v.Rule.Side == SideApp {
		v.Where = caller()
	}
	fails := v.Rule.Severity == SeverityError && !x.opts.KeepGoing && !x.ended.Load() && x.failure.CompareAndSwap(nil, v)
	if x.opts.Report != nil {
		x.opts.Report(v)
	}
	switch {
	case fails && x.carried:
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

// failed returns the violation that fails the request, or nil.
func (x *exchange) failed() error {
	if v := x.failure.Load(); v != nil {
		return v
	}
	return nil
}
