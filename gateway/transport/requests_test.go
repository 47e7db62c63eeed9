package transport

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// TestBeginRequest: refused requests are not counted, and leave one line in the log.
func TestBeginRequest(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	exchange(t, nettest.Dial(t, r.l)) // Serve has begun
	for i, want := range []bool{true, true, false, false} {
		if got := r.conns.BeginRequest(2); got != want {
			t.Errorf("request %d: got %v; want %v", i, got, want)
		}
	}
	if got := r.conns.Stats().Requests; got != 2 {
		t.Errorf("got %d requests; want 2", got)
	}
	r.log.WantLines(t, "refusing requests above the limit", 1)
	r.conns.EndRequest()
	if !r.conns.BeginRequest(2) || r.conns.BeginRequest(2) {
		t.Error("EndRequest did not free exactly one request")
	}
	if !r.conns.BeginRequest(0) || !r.conns.BeginRequest(-1) {
		t.Error("refused without a limit")
	}
}

// TestWarn: the same message is logged again after a minute without it, another one at once.
func TestWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		r := start(t, l, Service{Handle: echo})
		synctest.Wait()
		for range 3 {
			r.conns.Warn("trouble", "number", 1)
		}
		r.log.WantLines(t, "msg=trouble", 1)
		r.conns.Warn("more")
		r.log.WantLines(t, "msg=more", 1)
		time.Sleep(61 * time.Second)
		r.conns.Warn("trouble")
		r.log.WantLines(t, "msg=trouble", 2)
	})
}
