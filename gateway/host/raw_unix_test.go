//go:build unix

package host_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/gateway/internal/responder"
	"github.com/cgikit/cgikit/scgi"
)

// Applications that answer every request with the same arbitrary bytes: as a CGI script, and as an
// SCGI and a FastCGI peer without the packages under test.

// rawBackend is a Backend whose application answers with given bytes.
type rawBackend struct {
	name string
	gateway.Backend
}

// rawBackends returns such a Backend for each client of the module.
func rawBackends(t *testing.T, answer string) []rawBackend {
	t.Helper()
	app := responder.App(func([]responder.Variable) []byte { return []byte(answer) })
	fcgi := &fastcgi.Client{Addr: rawPeer(t, app.FastCGI).String()}
	t.Cleanup(func() { fcgi.Close() })
	return []rawBackend{
		{"cgi", &cgi.Script{Path: rawScript(t, "answer.sh", answer)}},
		{"nph", &cgi.Script{Path: rawScript(t, "nph-answer.sh", answer)}},
		{"scgi", &scgi.Client{Addr: rawPeer(t, app.SCGI).String()}},
		{"fastcgi", fcgi},
	}
}

// onServers runs the test with each web server of the templates in front of such an application,
// whose answer setAnswer sets. Web servers that are not installed are skipped.
func onServers(t *testing.T, templates []string, test func(t *testing.T, template, url string, setAnswer func(string))) {
	for _, template := range templates {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			var answer atomic.Value
			setAnswer := func(text string) { answer.Store(text) }
			app := responder.App(func([]responder.Variable) []byte { return []byte(answer.Load().(string)) })
			c := webserver.Config{Template: template}
			switch {
			case strings.HasSuffix(template, "-scgi"):
				c.Backend = rawPeer(t, app.SCGI)
			case strings.HasSuffix(template, "-fastcgi"):
				c.Backend = rawPeer(t, app.FastCGI)
			default:
				c.Program = rawScript(t, "answer.sh", "")
				setAnswer = func(text string) { writeAnswer(t, c.Program, text) }
			}
			test(t, template, webserver.Start(t, c).URL, setAnswer)
		})
	}
}

// rawScript makes a script that prints answer.
func rawScript(t *testing.T, name, answer string) string {
	t.Helper()
	script := filepath.Join(webserver.Dir(t), name)
	writeAnswer(t, script, answer)
	webserver.WriteProgram(t, script, "#!/bin/sh\nexec cat "+filepath.Dir(script)+"/answer\n")
	return script
}

// writeAnswer sets the answer of the script of rawScript.
func writeAnswer(t *testing.T, script, answer string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(script), "answer"), []byte(answer), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rawPeer serves connections until the test ends.
func rawPeer(t *testing.T, serve func(net.Conn) error) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	responder.Start(t, l, serve)
	return l.Addr()
}

// getURL fetches from a real server.
func getURL(t *testing.T, url string) answer {
	t.Helper()
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(httptest.NewRequest("GET", url, nil))
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(body), err}
}
