package monitor

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/spawn"
)

// TestWorkers checks the figures of a process manager, by itself and as a part of serve.
func TestWorkers(t *testing.T) {
	stats := spawn.Stats{Workers: 1, Stopping: 2, Waiting: 3, Started: 4, Ended: 5, Crashed: 6, Killed: 7, Reloads: 8}
	m := &Workers{Program: "php-cgi", Start: time.Now(), Stats: func() spawn.Stats { return stats }}
	get := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return w
	}
	serving := filled()
	serving.Workers, serving.Target = m.Stats, m.Program
	for name, body := range map[string]string{"spawn": get("/metrics").Body.String(), "serve": ask(serving, "GET", "/metrics").Body.String()} {
		for _, want := range []string{
			`cgikit_workers{state="running",target="php-cgi"} 1`,
			`cgikit_workers{state="stopping",target="php-cgi"} 2`,
			`cgikit_workers_queue{target="php-cgi"} 3`,
			`cgikit_workers_started_total{target="php-cgi"} 4`,
			`cgikit_workers_ended_total{how="regular",target="php-cgi"} 5`,
			`cgikit_workers_ended_total{how="crashed",target="php-cgi"} 6`,
			`cgikit_workers_ended_total{how="killed",target="php-cgi"} 7`,
			`cgikit_workers_reloads_total{target="php-cgi"} 8`,
			`process_start_time_seconds `,
		} {
			if !strings.Contains(body, "\n"+want) {
				t.Errorf("%s: no line %s in\n%.2000s", name, want, body)
			}
		}
	}
	m.Program = "php-cgi <x>"
	page := get("/")
	for _, want := range []string{"<h1>php-cgi &lt;x&gt;</h1>", "<strong>Running</strong>", `<dt>Crashed</dt><dd class="bad">6</dd>`} {
		if body := page.Body.String(); !strings.Contains(body, want) {
			t.Errorf("the page has no %q:\n%s", want, body)
		}
	}
	if policy := page.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; style-src 'sha256-") {
		t.Errorf("got the policy %q", policy)
	}
	if w := get("/healthz"); w.Code != 200 {
		t.Errorf("with a worker: got %d", w.Code)
	}
	stats.Workers = 0
	if body := get("/").Body.String(); !strings.Contains(body, "<strong>Not running</strong>") {
		t.Errorf("without a worker, the page is\n%s", body)
	}
	if w := get("/healthz"); w.Code != 503 {
		t.Errorf("without a worker: got %d; want 503", w.Code)
	}
}
