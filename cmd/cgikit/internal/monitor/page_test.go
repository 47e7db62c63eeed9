package monitor

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestPage checks that the page has the figures, loads nothing from other sites, and escapes text
// of others.
func TestPage(t *testing.T) {
	w := ask(filled(), "GET", "/")
	body := w.Body.String()
	for _, want := range []string{
		"<h1>fastcgi://127.0.0.1:9000&lt;script&gt;</h1>", "Serving", "up 1h30m0s",
		"<dt>Requests</dt><dd>4</dd>", "<dt>Current requests</dt><dd>1</dd>", "<dt>Waiting requests</dt><dd>3\u202f003</dd>", `<dd class="bad">1</dd>`,
		"<dt>Mean time</dt><dd>30.02 s</dd>", "<dt>Bytes sent</dt><dd>21</dd>",
		`<th scope="row">up to 25 ms</th><td class="n">3</td><td class="bar"><span style="width: 100%">`,
		`<th scope="row">longer</th><td class="n">1</td><td class="bar"><span style="width: 34%">`,
		`<th scope="row">2xx</th><td class="n">3</td>`, `class="reason">broke &lt;off&gt;</th><td class="n">1</td>`,
		`clients, http</th><td class="n">1` + "\u202f" + `005</td><td class="n">1` + "\u202f" + `006</td><td class="n">1` + "\u202f" + `001</td>`,
		"the target</th>", "had been closed: 3\u202f005.",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s", want)
		}
	}
	if outside := regexp.MustCompile(`(?i)<script|src=|https?://[^1]|url\(|@import|<link`).FindString(body); outside != "" {
		t.Errorf("the page has %q in it", outside)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("got the policy %q", csp)
	}
	if t.Failed() {
		t.Log(body)
	}
}

// TestClientsAreNoFailures checks that clients that go away do not count as failures of the target.
func TestClientsAreNoFailures(t *testing.T) {
	m := filled()
	m.Ledger.figures.Errors[clientGone] = 5
	if p := m.page(); p.Failures != 1 || len(p.Reasons) != 2 || p.Reasons[0].Reason != clientGone {
		t.Errorf("got %d failures, reasons %v", p.Failures, p.Reasons)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 µs", 999 * time.Nanosecond: "1 µs", 250 * time.Microsecond: "250 µs", time.Millisecond: "1 ms", 2500 * time.Microsecond: "2.5 ms",
		33_446 * time.Microsecond: "33.4 ms", time.Second: "1 s", 2500 * time.Millisecond: "2.5 s", time.Minute: "60 s",
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
