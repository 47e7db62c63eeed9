//go:build unix

package ping

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestEndlessScript: a script that writes for ever, to standard error or as its answer, is ended
// with the time of the probe.
func TestEndlessScript(t *testing.T) {
	script := filepath.Join(webserver.Dir(t), "script")
	for text, want := range map[string]string{
		"while :; do echo oh dear >&2; done":                              `hint: it wrote to standard error: "oh dear"` + "\n",
		"echo Content-Type: text/plain; echo; while :; do echo xxx; done": "",
	} {
		if err := os.WriteFile(script, []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		got := runLate(t, func(got outcome) bool { return got.stderr == want }, "cgi:"+script)
		if got.status != 1 || !strings.HasPrefix(got.stdout, "unhealthy: "+script+": no whole answer in ") || got.stderr != want {
			t.Errorf("%s: got %+v", text, got)
		}
	}
}
