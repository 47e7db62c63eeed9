package transport

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestRequests(t *testing.T) {
	var r Requests
	for i, step := range []struct {
		most          int
		entered, news bool
		now           int
	}{{2, true, false, 1}, {2, true, false, 2}, {2, false, true, 2}, {2, false, false, 2}, {3, true, false, 3}, {0, true, false, 4}, {-1, true, false, 5}} {
		entered, news := r.Enter(step.most)
		if entered != step.entered || news != step.news || r.Now() != step.now {
			t.Errorf("step %d: got %v, %v, %d; want %v, %v, %d", i, entered, news, r.Now(), step.entered, step.news, step.now)
		}
	}
	r.Leave()
	if entered, _ := r.Enter(5); !entered || r.Now() != 5 {
		t.Errorf("after Leave: got %v, %d", entered, r.Now())
	}
}

func ExampleRequests() {
	var r Requests
	for range 3 {
		entered, news := r.Enter(1)
		fmt.Println(entered, news)
	}
	// Output:
	// true false
	// false true
	// false false
}

// TestBeginRequest: a refused request is not counted, and is one line in the log.
func TestBeginRequest(t *testing.T) {
	r := start(t, nil, Service{Handle: echo})
	exchange(t, dial(t, r.l)) // Serve has begun
	for i, want := range []bool{true, true, false, false} {
		if got := r.conns.BeginRequest(2); got != want {
			t.Errorf("request %d: got %v; want %v", i, got, want)
		}
	}
	if got := r.conns.Stats().Requests; got != 2 {
		t.Errorf("got %d requests; want 2", got)
	}
	r.log.wantLines(t, "refusing requests above the limit", 1)
	r.conns.EndRequest()
	if !r.conns.BeginRequest(2) || r.conns.BeginRequest(2) {
		t.Error("the slot that became free was not the only one")
	}
	if !r.conns.BeginRequest(0) || !r.conns.BeginRequest(-1) {
		t.Error("refused without a limit")
	}
}

// TestWarn: the same trouble is logged again after a minute without it; other trouble at once.
func TestWarn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipeListener()
		r := start(t, l, Service{Handle: echo})
		synctest.Wait()
		for range 3 {
			r.conns.Warn("trouble", "number", 1)
		}
		r.log.wantLines(t, "msg=trouble", 1)
		r.conns.Warn("more")
		r.log.wantLines(t, "msg=more", 1)
		time.Sleep(61 * time.Second)
		r.conns.Warn("trouble")
		r.log.wantLines(t, "msg=trouble", 2)
	})
}
