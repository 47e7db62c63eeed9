package monitor

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// filled returns a Monitor in which all figures differ.
func filled() *Monitor {
	m := &Monitor{
		Target: `fastcgi://127.0.0.1:9000<script>`,
		Start:  time.Now().Add(-90 * time.Minute),
		Ledger: new(Ledger),
		Servers: func() map[string]transport.Stats {
			return map[string]transport.Stats{
				"http":    {Accepted: 1001, Refused: 1002, AcceptErrors: 1003, Panics: 1004, Active: 1005, Idle: 1006},
				"fastcgi": {Accepted: 2001},
			}
		},
		Serving: func() bool { return true },
		Pool:    func() Pool { return Pool{Active: 3001, Idle: 3002, Waiting: 3003, Dials: 3004, Resent: 3005} },
		LogLost: func() (uint64, uint64) { return 4001, 4002 },
	}
	for range 3 {
		m.Ledger.Enter(&gateway.Access{Status: 200, Bytes: 7, Duration: 20 * time.Millisecond})
	}
	m.Ledger.Enter(&gateway.Access{Status: 502, Duration: 2 * time.Minute, Err: &gateway.BackendError{Reason: "broke <off>"}})
	m.Ledger.add(1)
	return m
}

func ask(m *Monitor, method, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func TestMetrics(t *testing.T) {
	const target = `target="fastcgi://127.0.0.1:9000<script>"`
	body := ask(filled(), "GET", "/metrics").Body.String()
	for _, want := range []string{
		`cgikit_connections_accepted_total{protocol="http"} 1001`,
		`cgikit_connections_accepted_total{protocol="fastcgi"} 2001`,
		`cgikit_connections_refused_total{protocol="http"} 1002`,
		`cgikit_accept_errors_total{protocol="http"} 1003`,
		`cgikit_panics_total{protocol="http"} 1004`,
		`cgikit_connections{protocol="http",state="active"} 1005`,
		`cgikit_connections{protocol="http",state="idle"} 1006`,
		`cgikit_requests_active{` + target + `} 1`,
		`cgikit_requests_total{class="2",` + target + `} 3`,
		`cgikit_requests_total{class="5",` + target + `} 1`,
		`cgikit_errors_total{reason="broke <off>",` + target + `} 1`,
		`cgikit_response_bytes_total{` + target + `} 21`,
		`cgikit_request_duration_seconds_bucket{` + target + `,le="0.01"} 0`,
		`cgikit_request_duration_seconds_bucket{` + target + `,le="0.025"} 3`,
		`cgikit_request_duration_seconds_bucket{` + target + `,le="60"} 3`,
		`cgikit_request_duration_seconds_bucket{` + target + `,le="+Inf"} 4`,
		`cgikit_request_duration_seconds_sum{` + target + `} 120.06`,
		`cgikit_target_connections{state="active",` + target + `} 3001`,
		`cgikit_target_connections{state="idle",` + target + `} 3002`,
		`cgikit_target_queue{` + target + `} 3003`,
		`cgikit_target_dials_total{` + target + `} 3004`,
		`cgikit_target_resent_total{` + target + `} 3005`,
		`cgikit_log_lines_lost_total{log="access"} 4001`,
		`cgikit_log_lines_lost_total{log="error"} 4002`,
		`# TYPE cgikit_request_duration_seconds histogram`,
		`cgikit_request_duration_seconds_count{` + target + `} 4`,
		`go_goroutines `,
		`process_start_time_seconds `,
	} {
		if !strings.Contains(body, "\n"+want) {
			t.Errorf("no line %s", want)
		}
	}
	if t.Failed() {
		t.Log(body)
	}
}

// TestMetricsOfNothing checks a target without connections, and no server.
func TestMetricsOfNothing(t *testing.T) {
	m := &Monitor{Ledger: new(Ledger), Servers: func() map[string]transport.Stats { return nil }, Serving: func() bool { return false }}
	w := ask(m, "GET", "/metrics")
	if body := w.Body.String(); w.Code != 200 || strings.Contains(body, "cgikit_target_") || !strings.Contains(body, "cgikit_requests_active") {
		t.Errorf("got %d, %s", w.Code, body)
	}
	if body := ask(m, "GET", "/").Body.String(); !strings.Contains(body, "not serving") || strings.Contains(body, "Requests that wait for") {
		t.Errorf("got %s", body)
	}
}

func TestHealth(t *testing.T) {
	m := filled()
	if w := ask(m, "GET", "/healthz"); w.Code != 200 || w.Body.String() != "serving\n" {
		t.Errorf("got %d, %q", w.Code, w.Body)
	}
	m.Serving = func() bool { return false }
	if w := ask(m, "GET", "/healthz"); w.Code != 503 || w.Body.String() != "not serving\n" {
		t.Errorf("got %d, %q", w.Code, w.Body)
	}
}

func TestRoutes(t *testing.T) {
	for _, test := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/", 200}, {"GET", "/status.json", 200}, {"HEAD", "/", 200}, {"HEAD", "/healthz", 200}, {"HEAD", "/readyz", 200}, {"POST", "/readyz", 405}, {"GET", "/metrics/x", 404}, {"GET", "/x", 404}, {"POST", "/", 405},
	} {
		if w := ask(filled(), test.method, test.path); w.Code != test.want {
			t.Errorf("%s %s: got %d; want %d", test.method, test.path, w.Code, test.want)
		}
	}
}

// TestExposition checks the grammar of the text: each sample follows the HELP and TYPE of its
// metric, which appear once.
func TestExposition(t *testing.T) {
	m := filled()
	m.Target = "a\"b\\c\nd"
	w := ask(m, "GET", "/metrics")
	if got := w.Header().Get("Content-Type"); got != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("Content-Type: %s", got)
	}
	sample := regexp.MustCompile(`^([a-z_]+)(?:\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})? [0-9.e+-]+$`)
	suffix := regexp.MustCompile(`_(bucket|sum|count)$`)
	current, seen := "", make(map[string]bool)
	for line := range strings.Lines(w.Body.String()) {
		line = strings.TrimSuffix(line, "\n")
		if fields := strings.Fields(line); fields[0] == "#" && fields[1] == "HELP" {
			if current = fields[2]; seen[current] {
				t.Errorf("%s stands twice", current)
			}
			seen[current] = true
			continue
		} else if fields[0] == "#" {
			if fields[1] != "TYPE" || fields[2] != current {
				t.Errorf("%q does not follow its HELP", line)
			}
			continue
		}
		match := sample.FindStringSubmatch(line)
		if match == nil || match[1] != current && suffix.ReplaceAllString(match[1], "") != current {
			t.Errorf("%q is no sample of %s", line, current)
		}
	}
	if len(seen) < 10 {
		t.Errorf("saw %d metrics", len(seen))
	}
}

// TestRebinding checks that a page of another site cannot read the figures through a host name that
// resolves to this machine.
func TestRebinding(t *testing.T) {
	loopback, outside := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}
	for _, test := range []struct {
		addr       net.Addr
		path, host string
		want       int
	}{
		{loopback, "/", "example.com", 421},
		{loopback, "/metrics", "example.com:9100", 421},
		{loopback, "/status.json", "example.com:9100", 421},
		{loopback, "/healthz", "example.com", 200},
		{loopback, "/readyz", "example.com", 421},
		{outside, "/readyz", "10.0.0.7:9100", 200},
		{loopback, "/", "localhost:9100", 200},
		{loopback, "/metrics", "127.0.0.1:9100", 200},
		{outside, "/metrics", "metrics.example.com", 200},
		{&net.UnixAddr{}, "/metrics", "metrics.example.com", 200},
	} {
		r := httptest.NewRequest("GET", "http://"+test.host+test.path, nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, test.addr))
		w := httptest.NewRecorder()
		filled().Handler().ServeHTTP(w, r)
		if w.Code != test.want {
			t.Errorf("%v, %s at %s: got %d; want %d", test.addr, test.host, test.path, w.Code, test.want)
		}
	}
}
