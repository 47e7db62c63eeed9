package fastcgi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
)

// endedContexts are contexts that have ended, each in its way.
func endedContexts(t *testing.T) map[string]context.Context {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	late, cancelLate := context.WithDeadline(t.Context(), time.Unix(1, 0))
	t.Cleanup(cancelLate)
	return map[string]context.Context{"cancelled": cancelled, "late": late, "silent": &silentContext{cancelled}}
}

// silentContext has ended, and tells nothing of it unless it is asked.
type silentContext struct{ context.Context }

// Value hides the context within, which package context would talk to itself.
func (*silentContext) Value(any) any { return nil }

// Done is never closed.
func (*silentContext) Done() <-chan struct{} { return make(chan struct{}) }

// AfterFunc is what package context calls in place of a wait for Done.
func (*silentContext) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// Nothing is sent for a request whose context has ended, not on a kept connection either, and the
// connection can still be used.
func TestClientEndedContext(t *testing.T) {
	for _, test := range []struct {
		name string
		open func(t *testing.T, serve func(a appConn)) *fastcgi.Client
		kept int
	}{
		{"new connections", application, 0},
		{"kept", application, 1},
		{"multiplexing", multiplexing, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			answers := make(chan string, 100)
			c := test.open(t, func(a appConn) {
				for {
					r, err := a.request()
					if err != nil {
						return
					}
					answers <- r.param("WHAT")
					a.say(whole(r.id, ok))
				}
			})
			c.MaxIdleConns = test.kept
			expectOK(t, c)
			for name, ctx := range endedContexts(t) {
				for range 20 {
					if _, _, err := exchange(c, requestOf("POST", nil, "WHAT", name).WithContext(ctx)); !errors.Is(err, ctx.Err()) {
						t.Fatalf("%s: got %v; want the end of the context", name, err)
					}
				}
				expectOK(t, c)
			}
			for range 4 {
				if what := <-answers; what != "" {
					t.Errorf("the application was asked by a request whose context was %s", what)
				}
			}
			if len(answers) > 0 {
				t.Error("the application was asked more often than it answered")
			}
			settle(t, c)
			if s := c.Stats(); s.Idle != test.kept || s.Waiting != 0 {
				t.Errorf("got %+v; want nothing left but %d idle connections", s, test.kept)
			}
		})
	}
}

// Neither is it asked for values.
func TestClientValuesEndedContext(t *testing.T) {
	c := application(t, func(a appConn) {
		if r, err := a.read(); err == nil {
			t.Errorf("got %+v", r)
		}
	})
	for name, ctx := range endedContexts(t) {
		if _, err := c.Values(ctx, "X"); !errors.Is(err, ctx.Err()) {
			t.Errorf("%s: got %v; want the end of the context", name, err)
		}
	}
}
