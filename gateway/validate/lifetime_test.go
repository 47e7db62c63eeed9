package validate_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/validate"
)

// TestAfterPanic: an App that panicked has returned too.
func TestAfterPanic(t *testing.T) {
	var kept gateway.ResponseWriter
	o := scene{
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			kept = w
			panic("on purpose")
		},
		after: func() { kept.Flush() },
	}.play(false)
	if ids := strings.Join(o.ids(), " "); ids != "response.after-return" {
		t.Errorf("got %q", ids)
	}
}

// contextLog is a slog.Handler that records the context of a record.
type contextLog struct {
	slog.Handler
	ctx context.Context
}

func (*contextLog) Enabled(context.Context, slog.Level) bool { return true }

func (c *contextLog) Handle(ctx context.Context, _ slog.Record) error {
	c.ctx = ctx
	return nil
}

// TestLogHasTheContext: a slog.Handler gets the request's context, which may have a trace id.
func TestLogHasTheContext(t *testing.T) {
	var log contextLog
	var want context.Context
	scene{
		gateway: func(r *gateway.Request) {
			want = r.Context()
			r.Environ.Del("QUERY_STRING")
		},
	}.run(&validate.Options{Log: slog.New(&log)})
	if log.ctx != want || want == nil {
		t.Errorf("got %v; want the request's context", log.ctx)
	}
}

// lazyContext records a call of Done, for which a CGI program would install a signal handler.
type lazyContext struct {
	context.Context
	asked *bool
}

func (c lazyContext) Done() <-chan struct{} {
	*c.asked = true
	return c.Context.Done()
}

func TestTheContextIsLeftAlone(t *testing.T) {
	asked := false
	h := gateway.BaseCGIHandler{Environ: environ(nginx...), Stdout: io.Discard}
	type key struct{}
	ctx := context.WithValue(lazyContext{t.Context(), &asked}, key{}, "value")
	var got any
	err := h.Run(ctx, validate.New(gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		got = r.Context().Value(key{})
		return hello(w, r)
	}), nil))
	if err != nil || got != "value" || asked {
		t.Errorf("got %v, value %v, Done called: %v", err, got, asked)
	}
}

// TestGoStatement: a goroutine that consists of one call has no caller to report.
func TestGoStatement(t *testing.T) {
	var kept gateway.ResponseWriter
	reported := make(chan *validate.Violation, 1)
	var v *validate.Violation
	scene{
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			kept = w
			return hello(w, r)
		},
		after: func() {
			go kept.Flush()
			v = <-reported
		},
		seen: func(v *validate.Violation) { reported <- v },
	}.play(false)
	if v.Rule.ID != "response.after-return" || v.Where != "" {
		t.Errorf("got %v", v)
	}
}

// TestCallUnderWayAtReturn: a goroutine that is still in a Write is detected without waiting for
// it.
func TestCallUnderWayAtReturn(t *testing.T) {
	entered, release, done := make(chan bool), make(chan bool), make(chan bool)
	o := scene{
		writer: func(w gateway.ResponseWriter) gateway.ResponseWriter { return blocking{w, entered, release} },
		app: func(w gateway.ResponseWriter, r *gateway.Request) error {
			w.Headers().Set("Content-Type", "text/plain")
			w.Start("200 OK")
			go func() {
				defer close(done)
				w.Write([]byte("x"))
			}()
			<-entered
			return nil
		},
		after: func() {
			close(release)
			<-done
		},
	}.play(false)
	if ids := fmt.Sprint(o.ids()); ids != "[response.after-return]" || !strings.HasPrefix(o.out, "Status: 500 ") {
		t.Errorf("got %s, %q; want the late call and the error page", ids, o.out)
	}
}

// TestEverythingAfterReturn: each call after the return is reported once, and returns the error of
// the gateway.
func TestEverythingAfterReturn(t *testing.T) {
	var w gateway.ResponseWriter
	var r *gateway.Request
	var errs []error
	o := scene{
		app: func(w2 gateway.ResponseWriter, r2 *gateway.Request) error {
			w, r = w2, r2
			return hello(w, r)
		},
		after: func() {
			note := func(_ any, err error) { errs = append(errs, err) }
			w.Headers()
			note(nil, w.Start("200 OK"))
			note(w.Write([]byte("x")))
			note(io.WriteString(w, "x"))
			note(w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")))
			note(copyFile(w, tempFile(t, "x")))
			note(nil, w.Flush())
			note(r.Stdin.Read(make([]byte, 1)))
			r.Stderr.Write([]byte("x"))
		},
	}.play(false)
	for i, err := range errs {
		if !errors.Is(err, gateway.ErrFinished) {
			t.Errorf("call %d: got %v; want ErrFinished", i, err)
		}
	}
	if ids := fmt.Sprint(o.ids()); ids != "[request.after-return response.after-return]" || len(errs) != 7 {
		t.Errorf("got %s of %d calls", ids, len(errs))
	}
}
