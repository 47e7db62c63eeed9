package monitor

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/ping"
)

// Ready decides what /readyz answers. A busy target is ready: if all instances were taken out of a
// load balancer while they work, none would be left. A request that the target answered within the
// last second needs no probe. Its fields must be set before it is used. It is safe for concurrent
// use and must not be copied.
type Ready struct {
	// Draining reports whether the process was asked to end.
	Draining func() bool

	// Probe asks the target, at most once in a second. It is nil for a target without connections,
	// which is ready unless Usable has an error.
	Probe func() *ping.Result

	// Usable, if not nil, returns why the target cannot be run now, such as a script that no longer
	// exists. It is called for each question, and does not run the target.
	Usable func() error

	// Strict makes a busy target not ready.
	Strict bool

	// Log gets a line when the target becomes ready or not ready.
	Log *slog.Logger

	mu   sync.Mutex
	said bool // the log says that it is not ready
}

// verdict is the answer of /readyz.
type verdict struct {
	ready bool
	line  string
	cause string // for the status page; "" if a probe found nothing wrong
}

// state returns the verdict as one word.
func (v verdict) state() string {
	switch {
	case v.line == busyLine:
		return stateBusy
	case v.ready:
		return stateReady
	}
	return stateFailing
}

const busyLine = "the target is busy"

func (m *Monitor) serveReady(w http.ResponseWriter, _ *http.Request) {
	v := m.checkReady()
	if !v.ready {
		writeState(w, http.StatusServiceUnavailable, "not ready: "+v.line)
		return
	}
	writeState(w, http.StatusOK, "ready: "+v.line)
}

// checkReady decides. Only what a probe finds is cached.
func (m *Monitor) checkReady() verdict {
	r := m.Ready
	switch {
	case !m.Serving():
		return verdict{false, "not serving", ""}
	case r == nil:
		return verdict{true, "serving", ""}
	case r.Draining():
		return verdict{false, "draining", ""}
	case r.Usable != nil:
		return r.checkUsable()
	case r.Probe == nil:
		return verdict{true, "serving", ""}
	case m.Ledger.AnsweredSince(time.Now().Add(-fresh)):
		r.report(true, nil)
		return verdict{true, "the target has answered a request", ""}
	}
	found := r.Probe()
	v := r.judge(found)
	r.report(v.ready, found)
	return v
}

// checkUsable decides for a target that is not probed. A request that was answered shows nothing: a
// missing script is answered too, with a 404.
func (r *Ready) checkUsable() verdict {
	if err := r.Usable(); err != nil {
		r.report(false, &ping.Result{Cause: err.Error(), Hint: cli.Hint(err)})
		return verdict{false, "the target cannot be run", err.Error()}
	}
	r.report(true, nil)
	return verdict{true, "serving", ""}
}

// judge says what a probe means.
func (r *Ready) judge(found *ping.Result) verdict {
	switch {
	case found.Answered():
		return verdict{true, "the target answers", found.Cause}
	case found.State == ping.Busy:
		return verdict{!r.Strict, busyLine, found.Cause}
	case found.State == ping.Dead:
		return verdict{false, "the target cannot be reached", found.Cause}
	}
	return verdict{false, "the target does not answer as it should", found.Cause}
}

// report logs a change, since a load balancer shows no more of an answer than its status.
func (r *Ready) report(ready bool, found *ping.Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.said == !ready {
		return
	}
	r.said = !ready
	if ready {
		r.Log.Info("the target is ready again")
		return
	}
	attrs := []any{"cause", found.Cause}
	if found.Hint != "" {
		attrs = append(attrs, "hint", found.Hint)
	}
	r.Log.Warn("the target is not ready", attrs...)
}

// writeReady writes what /readyz answers. A scrape probes the target as /readyz does.
func (m *Monitor) writeReady(p *exposition) {
	p.metric("ready", "gauge", "Whether /readyz answers 200.")
	p.sample("ready", boolFigure(m.checkReady().ready), "target", m.Target)
	if m.Queue == nil {
		return
	}
	if q := m.Queue(); q.Known {
		p.metric("target_listen_queue", "gauge", "Connections that wait at the socket of the target, as the kernel counts them.")
		p.sample("target_listen_queue", q.Waiting, "target", m.Target)
		p.metric("target_listen_queue_length", "gauge", "Connections that may wait there.")
		p.sample("target_listen_queue_length", q.Limit, "target", m.Target)
	}
}

// writePHP writes the figures of php-fpm's status page. While all of its children are busy the page
// does not come.
func (m *Monitor) writePHP(p *exposition) {
	if m.PHP == nil {
		return
	}
	pool, figures, ok := m.PHP().Pool()
	p.metric("phpfpm_up", "gauge", "Whether php-fpm answered with its status page.")
	p.sample("phpfpm_up", boolFigure(ok), "target", m.Target)
	for _, f := range figures {
		p.metric(f.Name, f.Kind, f.Help)
		p.sample(f.Name, f.Value, "target", m.Target, "pool", pool)
	}
}

func boolFigure(b bool) int {
	if b {
		return 1
	}
	return 0
}
