package monitor

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/gateway"
)

// newReady returns a Monitor whose target gives these results, one for each probe.
func newReady(log *strings.Builder, results ...*ping.Result) *Monitor {
	m := filled()
	m.Ready = &Ready{
		Draining: func() bool { return false },
		Log:      slog.New(slog.NewTextHandler(log, nil)),
		Probe: (&Cached[*ping.Result]{Fetch: func() *ping.Result {
			r := results[0]
			results = results[1:]
			return r
		}}).Get,
	}
	return m
}

// TestReady checks the answer of /readyz for what is known of the target.
func TestReady(t *testing.T) {
	state := func(s ping.State) *ping.Result { return &ping.Result{State: s, Cause: "why"} }
	for _, test := range []struct {
		name   string
		found  *ping.Result
		change func(m *Monitor)
		want   int
		line   string
	}{
		{"answers", state(ping.OK), nil, 200, "ready: the target answers"},
		{"busy", state(ping.Busy), nil, 200, "ready: the target is busy"},
		{"busy, strict", state(ping.Busy), func(m *Monitor) { m.Ready.Strict = true }, 503, "not ready: the target is busy"},
		{"dead", state(ping.Dead), nil, 503, "not ready: the target cannot be reached"},
		{"another protocol", state(ping.Unhealthy), nil, 503, "not ready: the target does not answer as it should"},
		{"draining", nil, func(m *Monitor) { m.Ready.Draining = func() bool { return true } }, 503, "not ready: draining"},
		{"not serving", nil, func(m *Monitor) { m.Serving = func() bool { return false } }, 503, "not ready: not serving"},
		{"a script that can be run", nil, func(m *Monitor) { m.Ready.Probe, m.Ready.Usable = nil, func() error { return nil } }, 200, "ready: serving"},
		{"a script that is gone", nil, func(m *Monitor) {
			m.Ready.Probe, m.Ready.Usable = nil, func() error { return errors.New("gone") }
		}, 503, "not ready: the target cannot be run"},
		{"in this process", nil, func(m *Monitor) { m.Ready.Probe = nil }, 200, "ready: serving"},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := newReady(new(strings.Builder), test.found)
			if test.change != nil {
				test.change(m)
			}
			w := ask(m, "GET", "/readyz")
			if w.Code != test.want || w.Body.String() != test.line+"\n" {
				t.Errorf("got %d, %q; want %d, %q", w.Code, w.Body, test.want, test.line)
			}
			figure := "\ncgikit_ready{target=\"fastcgi://127.0.0.1:9000<script>\"} " + map[int]string{200: "1", 503: "0"}[test.want] + "\n"
			if body := ask(m, "GET", "/metrics").Body.String(); !strings.Contains(body, figure) {
				t.Errorf("no line %q", figure)
			}
		})
	}
}

// TestReadyByRequest: a request that the target answered needs no probe for a second, unless
// another one failed since then. A file of this process shows nothing of the target.
func TestReadyByRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newReady(new(strings.Builder), &ping.Result{State: ping.Dead}, &ping.Result{State: ping.Dead})
		m.Ledger = new(Ledger)
		want := func(when string, status int) {
			t.Helper()
			if got := ask(m, "GET", "/readyz"); got.Code != status {
				t.Errorf("%s: got %d, %s; want %d", when, got.Code, got.Body, status)
			}
		}
		enter := func(head time.Duration, err error) {
			time.Sleep(time.Millisecond)
			m.Ledger.Enter(&gateway.Access{Status: 200, Start: time.Now().Add(-time.Millisecond), Head: head, Duration: time.Millisecond, Err: err})
		}
		enter(0, nil)
		want("a file", 503)
		time.Sleep(fresh)
		enter(1, nil)
		want("an answer", 200)
		time.Sleep(fresh - 1)
		want("nearly a second later", 200)
		enter(0, &gateway.BackendError{Reason: "x", Err: errors.New("x")})
		want("a failure since then", 503)
	})
}

// TestCachedOnce: one call at a time fetches the value, and the others get the same.
func TestCachedOnce(t *testing.T) {
	const callers = 5
	fetched, begun, gate := 0, make(chan struct{}, callers), make(chan struct{})
	c := &Cached[int]{Fetch: func() int {
		begun <- struct{}{}
		<-gate
		fetched++
		return fetched
	}}
	results := make(chan int, callers)
	for range callers {
		go func() { results <- c.Get() }()
	}
	<-begun
	close(gate)
	for range callers {
		if got := <-results; got != 1 {
			t.Errorf("got %d; want the value of the first call", got)
		}
	}
}

// TestCachedForASecond: a value serves for a second after it came.
func TestCachedForASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		c := &Cached[int]{Fetch: func() int {
			fetched++
			time.Sleep(fresh) // a slow one
			return fetched
		}}
		want := func(when string, value int) {
			t.Helper()
			if got := c.Get(); got != value {
				t.Errorf("%s: got %d; want %d", when, got, value)
			}
		}
		want("at first", 1)
		time.Sleep(fresh - 1)
		want("nearly a second later", 1)
		time.Sleep(time.Nanosecond)
		want("a second later", 2)
	})
}

// TestReadyLogsChanges: a load balancer shows a status only, so the log has the reason, once.
func TestReadyLogsChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		dead := &ping.Result{State: ping.Dead, Cause: "connection refused", Hint: "start it"}
		m := newReady(&log, &ping.Result{}, dead, dead, &ping.Result{State: ping.Busy}, dead)
		for range 5 {
			ask(m, "GET", "/readyz")
			time.Sleep(fresh)
		}
		if n := strings.Count(log.String(), `msg="the target is not ready" cause="connection refused" hint="start it"`); n != 2 {
			t.Errorf("got %d lines of failures; want 2", n)
		}
		if n := strings.Count(log.String(), `msg="the target is ready again"`); n != 1 {
			t.Errorf("got %d lines of recoveries; want 1", n)
		}
		if t.Failed() {
			t.Logf("%.2000s", log.String())
		}
	})
}

// TestMetricsOfTarget checks the latency of the target, and the queue of its socket.
func TestMetricsOfTarget(t *testing.T) {
	const target = `target="fastcgi://127.0.0.1:9000<script>"`
	m := filled()
	m.Queue = func() ping.Queue { return ping.Queue{Known: true, Waiting: 7, Limit: 511} }
	m.PHP = func() *ping.Result { return &ping.Result{State: ping.Busy} }
	m.Ledger.Enter(&gateway.Access{Status: 200, Head: 2 * time.Millisecond, Duration: time.Minute})
	body := ask(m, "GET", "/metrics").Body.String()
	for _, want := range []string{
		`cgikit_ready{` + target + `} 1`,
		`cgikit_target_listen_queue{` + target + `} 7`,
		`cgikit_target_listen_queue_length{` + target + `} 511`,
		`cgikit_target_response_seconds_bucket{` + target + `,le="0.001"} 0`,
		`cgikit_target_response_seconds_bucket{` + target + `,le="0.0025"} 1`,
		`cgikit_target_response_seconds_sum{` + target + `} 0.002`,
		`cgikit_target_response_seconds_count{` + target + `} 1`,
		`phpfpm_up{` + target + `} 0`,
	} {
		if !strings.Contains(body, "\n"+want+"\n") {
			t.Errorf("no line %s", want)
		}
	}
	if strings.Contains(body, "phpfpm_active") {
		t.Error("figures of a page that did not come")
	}
	if t.Failed() {
		t.Log(body)
	}
}
