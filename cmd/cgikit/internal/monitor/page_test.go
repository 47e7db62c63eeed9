package monitor

import (
	"encoding/json"
	"log/slog"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// TestPage checks that the page has the figures, loads nothing from other sites, and escapes text
// of others.
func TestPage(t *testing.T) {
	w := ask(filled(), "GET", "/")
	body := w.Body.String()
	for _, want := range []string{
		"<h1>fastcgi://127.0.0.1:9000&lt;script&gt;</h1>", `<p id="state" class="ready"`, `<span id="uptime">1h30m0s</span>`,
		`<dd id="requests">4</dd>`, `<dd id="failed">1</dd>`, `<dd id="active">1</dd>`, `<dd id="bytes">21 B</dd>`, "<dd id=\"waiting\">3\u202f003</dd>",
		`<strong id="rate">0.`, `<strong id="median">19 ms</strong>`, `<strong id="failures">1</strong> <span id="failureShare">25.0 % of 4 requests</span>`,
		`<th scope="row">up to 25 ms</th><td>3</td><td class="bar"><svg aria-hidden="true"><rect width="100%" height="100%">`,
		`<th scope="row">longer</th><td>1</td><td class="bar"><svg aria-hidden="true"><rect width="34%"`,
		`<th scope="row">2xx, success</th><td>3</td>`, `broke &lt;off&gt;</th><td>1</td>`,
		"<th scope=\"row\">http</th><td>1\u202f005</td><td>1\u202f006</td><td>1\u202f001</td>",
		"<td>FastCGI</td><td>ready</td><td></td><td>3\u202f001</td><td>3\u202f002</td><td>3\u202f003</td>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if outside := regexp.MustCompile(`(?i)<script[^>]|src=|href="?https?:|url\(|@import|rel="stylesheet|style="`).FindString(body); outside != "" {
		t.Errorf("the page has %q in it", outside)
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, element := range []string{"style", "script"} {
		_, rest, _ := strings.Cut(body, "<"+element+">")
		text, _, _ := strings.Cut(rest, "</"+element+">")
		if want := element + "-src " + demo.Hash(text); text == "" || !strings.Contains(policy, want) {
			t.Errorf("got the policy %q; want %q", policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("got the policy %q", policy)
	}
	if t.Failed() {
		t.Log(body)
	}
}

// TestStatus checks that the script gets what the page has: each text, path and table has an
// element with its id.
func TestStatus(t *testing.T) {
	m := filled()
	m.Workers = func() spawn.Stats { return spawn.Stats{Workers: 3, Stopping: 1} }
	body, w := ask(m, "GET", "/").Body.String(), ask(m, "GET", "/status.json")
	var s status
	if err := json.Unmarshal(w.Body.Bytes(), &s); err != nil || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("got %v, %v", err, w.Header())
	}
	if len(s.Texts) < 10 || len(s.Paths) != 5 || len(s.Tables) != 5 || s.Texts["processes"] != "3, 1 stopping" {
		t.Errorf("got %d texts, %d paths, %d tables: %v", len(s.Texts), len(s.Paths), len(s.Tables), s.Texts)
	}
	for _, ids := range [][]string{slices.Collect(maps.Keys(s.Texts)), slices.Collect(maps.Keys(s.Paths)), slices.Collect(maps.Keys(s.Tables))} {
		for _, id := range ids {
			if !strings.Contains(body, `id="`+id+`"`) {
				t.Errorf("the page has no element %q", id)
			}
		}
	}
	if s.State != "ready" || s.Tables["reasons"][0].Cells[0] != "broke <off>" || *s.Tables["times"][0].Bar != 100 {
		t.Errorf("got %s", w.Body)
	}
}

// TestErrors checks what counts as an error: a response of 5xx, and a request without a complete
// response, but not a client that went away.
func TestErrors(t *testing.T) {
	m := filled()
	m.Ledger.Enter(&gateway.Access{Status: 500})
	m.Ledger.Enter(&gateway.Access{Status: 404})
	for range 5 {
		m.Ledger.Enter(&gateway.Access{Status: 502, Err: gateway.ErrClientGone})
	}
	s := newStatus(m)
	if s.Texts["failed"] != "2" || s.Texts["failures"] != "2" || len(s.Tables["reasons"]) != 2 || s.Tables["reasons"][0].Cells[0] != clientGone {
		t.Errorf("got %s failures, %s of them in the last minutes, reasons %v", s.Texts["failed"], s.Texts["failures"], s.Tables["reasons"])
	}
}

// TestHealthOfTargets checks the state of one target, and of several, which are all asked.
func TestHealthOfTargets(t *testing.T) {
	result := func(state ping.State) func() *ping.Result {
		return func() *ping.Result { return &ping.Result{State: state, Cause: "<why>"} }
	}
	m := filled()
	m.Ready = &Ready{Draining: func() bool { return false }, Probe: result(ping.Busy), Log: slog.New(slog.DiscardHandler)}
	queue := func() ping.Queue { return ping.Queue{Known: true, Waiting: 7} }
	m.Targets = []Target{{Name: "scgi://a", Probe: result(ping.Busy), Queue: queue}}
	check := func(name string, want ...string) {
		t.Helper()
		rows := newStatus(m).Tables["targets"]
		if len(rows) != len(want) {
			t.Errorf("%s: got %v; want %d rows", name, rows, len(want))
			return
		}
		for i, w := range want {
			if got := rows[i].State + " " + strings.Join(rows[i].Cells, "|"); got != w {
				t.Errorf("%s: got %q; want %q", name, got, w)
			}
		}
	}
	counts := "3\u202f001|3\u202f002|3\u202f003"
	check("busy", "busy scgi://a|SCGI|busy|the target is busy: <why>; 7 connections wait at its socket|"+counts)
	m.Ready.Strict = true
	check("busy, strict", "busy scgi://a|SCGI|busy|the target is busy: <why>; 7 connections wait at its socket|"+counts)
	m.Targets[0].Queue = nil
	m.Targets = append(m.Targets, Target{Name: "scgi+unix:/b", Probe: result(ping.Dead)})
	check("several", "busy scgi://a|SCGI|busy|the target is busy: <why>|–|–|–",
		"failing scgi+unix:/b|SCGI|failing|the target cannot be reached: <why>|–|–|–", " all together||||"+counts)
	m.Serving = func() bool { return false }
	if s := newStatus(m); s.State != "failing" || s.Texts["headline"] != "Not ready" || s.Texts["reason"] != "not serving" {
		t.Errorf("got %s, %v", s.State, s.Texts)
	}
	if body := ask(m, "GET", "/").Body.String(); strings.Contains(body, "<why>") || !strings.Contains(body, "&lt;why&gt;") {
		t.Error("the page is not escaped")
	}
}

// TestProtocolOf checks the protocols of the targets that serve has.
func TestProtocolOf(t *testing.T) {
	for name, want := range map[string]string{
		"fastcgi://a:1": "FastCGI", "fastcgi+unix:/a": "FastCGI", "spawn:a b": "FastCGI", "scgi+unix:/a": "SCGI", "cgi:/a": "CGI", "files:.": "in this process",
	} {
		if got := protocolOf(name); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 999 * time.Nanosecond: "1 µs", 250 * time.Microsecond: "250 µs", time.Millisecond: "1 ms", 2500 * time.Microsecond: "2.5 ms",
		3_446 * time.Microsecond: "3.4 ms", 9_700 * time.Microsecond: "9.7 ms", 33_446 * time.Microsecond: "33 ms", time.Second: "1 s", 2500 * time.Millisecond: "2.5 s", time.Minute: "60 s",
	} {
		if got := duration(d); got != want {
			t.Errorf("%v: got %q; want %q", d, got, want)
		}
	}
}

func TestNumber(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1\u202f000", 1234567: "1\u202f234\u202f567"} {
		if got := number(n); got != want {
			t.Errorf("%d: got %q; want %q", n, got, want)
		}
	}
}
