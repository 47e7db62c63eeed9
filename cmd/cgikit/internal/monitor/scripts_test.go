package monitor

import (
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
)

// TestScripts checks the figures of CGI scripts, in the metrics and on the page.
func TestScripts(t *testing.T) {
	m := filled()
	m.Pool, m.Target = nil, "cgi:bin"
	m.Scripts = func() cgi.Stats { return cgi.Stats{Running: 5001, Waiting: 5002, Started: 5003, Refused: 5004} }
	metrics, page := ask(m, "GET", "/metrics").Body.String(), ask(m, "GET", "/").Body.String()
	for _, want := range []string{
		`cgikit_scripts_running{target="cgi:bin"} 5001`,
		`cgikit_scripts_queue{target="cgi:bin"} 5002`,
		`cgikit_scripts_started_total{target="cgi:bin"} 5003`,
		`cgikit_scripts_refused_total{target="cgi:bin"} 5004`,
		`cgikit_target_response_seconds_count{target="cgi:bin"} `,
	} {
		if !strings.Contains(metrics, "\n"+want) {
			t.Errorf("no line %s in\n%.3000s", want, metrics)
		}
	}
	for _, want := range []string{
		"<dd id=\"scripts\">5\u202f001", "wait for a script to end</dt><dd id=\"waiting\">5\u202f002", "<dd id=\"refused\">5\u202f004",
		"<td>CGI</td><td>ready</td><td></td><td>5\u202f001</td><td>–</td><td>5\u202f002</td>",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}
