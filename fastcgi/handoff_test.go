package fastcgi_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// busy is an App whose first request, alone on its connection, keeps the goroutine that read it: in
// one of three ways, none of which asks for the end of its context. Others are answered at once.
type busy struct {
	way    string
	called chan context.Context // of the first
	others chan struct{}        // one for each other
	done   atomic.Bool          // lets the first return
}

func (b *busy) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	if r.Environ.Get("REQUEST_URI") != "/first" {
		b.others <- struct{}{}
		return hello(w, r)
	}
	b.called <- r.Context()
	switch b.way {
	case "computing":
		for !b.done.Load() {
		}
	case "sleeping":
		for !b.done.Load() {
			time.Sleep(time.Millisecond)
		}
	case "writing":
		for _, err := w.Write(make([]byte, 1<<20)); err == nil; _, err = w.Write(make([]byte, 1<<20)) {
		}
	}
	return nil
}

// TestActsWhileAnAppIsBusy: what a web server sends while an App keeps the goroutine that read its
// request has its effect. Without the hand-off of the reading it would have none before the App
// returns, which it does only when the effect was seen.
func TestActsWhileAnAppIsBusy(t *testing.T) {
	for _, processors := range []int{1, 2} {
		for _, way := range []string{"computing", "sleeping", "writing"} {
			for _, said := range []string{"ABORT_REQUEST", "disconnect", "BEGIN_REQUEST", "GET_VALUES"} {
				if way == "writing" && said == "GET_VALUES" {
					continue // its answer comes after the response that is not read
				}
				t.Run(fmt.Sprintf("%d/%s/%s", processors, way, said), func(t *testing.T) {
					defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
					checkEffect(t, way, said)
				})
			}
		}
	}
}

// checkEffect sends what is said while an App is busy, and waits for its effect.
func checkEffect(t *testing.T, way, said string) {
	b := &busy{way: way, called: make(chan context.Context, 1), others: make(chan struct{}, 1)}
	srv := start(t, &fastcgi.Server{App: b})
	c := dial(t, srv.addr).send(get(1, keepConn, "/first"))
	defer srv.stop(t)
	defer c.Close()
	defer b.done.Store(true)
	ctx := wait(t, b.called, "the App")
	switch said {
	case "ABORT_REQUEST":
		c.send(rec(typeAbort, 1, ""))
		waitUntil(t, "the end of the context", func() bool { return ctx.Err() != nil })
	case "disconnect":
		c.Close()
		waitUntil(t, "the end of the context", func() bool { return ctx.Err() != nil })
	case "BEGIN_REQUEST":
		c.send(get(2, keepConn, "/second"))
		wait(t, b.others, "the second request")
	case "GET_VALUES":
		if r := c.send(rec(typeGetValues, 0, "")).next(); r.kind != typeGetValuesResult {
			t.Errorf("got %+v", r)
		}
	}
}

// waitUntil polls a condition that has no notification.
func waitUntil(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// states are what a connection may be in, each with what a client sends to bring it about. The App
// below does its part.
var states = []struct{ name, sent string }{
	{"new", ""},
	{"within a header", "\x01\x01"},
	{"within PARAMS", begin(1, responder, keepConn) + rec(typeParams, 1, "\x01")},
	{"idle", get(1, keepConn, "/idle")},
	{"lingering", get(1, 0, "/idle")},
	{"running", get(1, keepConn, "/running")},
	{"several running", get(1, keepConn, "/running") + get(2, keepConn, "/running")},
	{"running beside PARAMS", get(1, keepConn, "/running") + begin(2, responder, keepConn)},
	{"aborted", get(1, keepConn, "/running") + rec(typeAbort, 1, "")},
	{"waiting for its body", head(1, keepConn, "REQUEST_URI", "/reading") + rec(typeStdin, 1, "x")},
	{"not reading its body", head(1, keepConn, "REQUEST_URI", "/running") + manyRecords(1, 400_000)},
	{"not reading its body beside another", get(2, keepConn, "/running") + head(1, keepConn, "REQUEST_URI", "/running") + manyRecords(1, 700_000)},
	{"writing", get(1, keepConn, "/writing")},
	{"writing beside another", get(1, keepConn, "/writing") + get(2, keepConn, "/writing")},
}
