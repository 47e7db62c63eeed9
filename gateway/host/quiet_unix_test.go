//go:build unix

package host_test

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/host"
)

// TestCompleteAnswerIsQuiet: the exit of a script after a complete answer is not logged, least of
// all as a line of the application.
func TestCompleteAnswerIsQuiet(t *testing.T) {
	const head = `printf 'Content-Type: text/plain\nContent-Length: 4\n\nbody'; `
	for _, c := range []struct{ name, method, text string }{
		{"goes on until it is stopped", "GET", head + "exec sleep 1000"},
		{"goes on and heeds no SIGTERM", "GET", "trap '' TERM; " + head + "sleep 1000"},
		{"HEAD", "HEAD", "printf 'Content-Type: text/plain\\nContent-Length: 4\\n\\n'; exec >&-; exec sleep 1000"},
		{"writes on into nothing", "GET", head + "exec yes"},
		{"ends at once", "GET", head},
	} {
		t.Run(c.name, func(t *testing.T) {
			log := new(logBuffer)
			script := &cgi.Script{Path: writeScript(t, c.text), KillDelay: -1}
			h := &host.Handler{Backend: script, ErrorLog: log.logger()}
			a := fetch(t, h, c.method, "/", nil)
			if want := map[string]string{http.MethodGet: "body"}[c.method]; a.status != 200 || a.body != want || a.err != nil {
				t.Errorf("got %+v", a)
			}
			if err := script.Close(); err != nil { // waits until no script is left
				t.Error(err)
			}
			text := log.String()
			if strings.Contains(text, "the application says") || strings.Contains(text, "signal") || strings.Contains(text, "level=ERROR") {
				t.Errorf("got the log %s", text)
			}
		})
	}
}

// writeScript makes a shell script.
func writeScript(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "script.sh")
	webserver.WriteProgram(t, path, "#!/bin/sh\n"+text+"\n")
	return path
}
