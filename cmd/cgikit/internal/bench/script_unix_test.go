//go:build unix

package bench

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// TestScripts runs CGI scripts: a right one, one that fails after its answer, one without a head,
// and one that does not end, which must not be left running.
func TestScripts(t *testing.T) {
	dir := webserver.Dir(t)
	for _, c := range []struct {
		name, text string
		ok         int64
		appStatus  int64
		timeout    time.Duration
	}{
		{"right", "printf 'Content-Type: text/plain\\n\\nhello\\n'", 8, 0, time.Minute},
		{"exit", "printf 'Content-Type: text/plain\\n\\nhello\\n'; exit 3", 8, 8, time.Minute},
		{"headless", "echo hello", 0, 0, time.Minute},
		{"silent", "exec sleep 1000", 0, 0, 300 * time.Millisecond},
	} {
		script := filepath.Join(dir, c.name)
		webserver.WriteProgram(t, script, "#!/bin/sh\n"+c.text+"\n")
		change := func(b *Bench) { b.Conns, b.Count, b.RequestTimeout = 2, 8, c.timeout }
		if c.ok == 0 {
			if out, err := measure(t, parse(t, "cgi:"+script), change); cli.Status(err) != cli.StatusFailure || out != "" {
				t.Errorf("%s: %v, wrote %q", c.name, err, out)
			}
			continue
		}
		d, err := measureData(t, parse(t, "cgi:"+script), change)
		if err != nil || d.OK != c.ok || d.AppStatus != c.appStatus || d.Bytes != 6*c.ok || d.Kept {
			t.Errorf("%s: %+v, %v", c.name, d, err)
		}
	}
}
