//go:build unix

package host_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
	"github.com/cgikit/cgikit/scgi"
)

// An application that answers every request with the same bytes, whatever they are: as a CGI
// script, and as a peer that speaks SCGI and FastCGI without the packages under test.

// rawBackend is a Backend whose application answers with given bytes.
type rawBackend struct {
	name string
	gateway.Backend
}

// rawBackends returns such an application behind each of the module's clients.
func rawBackends(t *testing.T, answer string) []rawBackend {
	t.Helper()
	same := func() string { return answer }
	fcgi := &fastcgi.Client{Addr: rawPeer(t, same, answerFastCGI).String()}
	t.Cleanup(func() { fcgi.Close() })
	return []rawBackend{
		{"cgi", &cgi.Script{Path: rawScript(t, "answer.sh", answer)}},
		{"nph", &cgi.Script{Path: rawScript(t, "nph-answer.sh", answer)}},
		{"scgi", &scgi.Client{Addr: rawPeer(t, same, answerSCGI).String()}},
		{"fastcgi", fcgi},
	}
}

// onServers runs the test with each web server of the templates in front of such an application,
// whose answer is what setAnswer was last given. Those that are not installed are skipped.
func onServers(t *testing.T, templates []string, test func(t *testing.T, template, url string, setAnswer func(string))) {
	for _, template := range templates {
		t.Run(template, func(t *testing.T) {
			t.Parallel()
			var answer atomic.Value
			setAnswer := func(text string) { answer.Store(text) }
			c := webserver.Config{Template: template}
			switch {
			case strings.HasSuffix(template, "-scgi"):
				c.Backend = rawPeer(t, func() string { return answer.Load().(string) }, answerSCGI)
			case strings.HasSuffix(template, "-fastcgi"):
				c.Backend = rawPeer(t, func() string { return answer.Load().(string) }, answerFastCGI)
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

// writeAnswer writes what the script of rawScript prints.
func writeAnswer(t *testing.T, script, answer string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(filepath.Dir(script), "answer"), []byte(answer), 0o644); err != nil {
		t.Fatal(err)
	}
}

// rawPeer serves connections with reply until the test ends.
func rawPeer(t *testing.T, answer func() string, reply func(net.Conn, string) error) net.Addr {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				_ = reply(c, answer()) // the client may have left
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		running.Wait()
	})
	return l.Addr()
}

// answerSCGI reads a netstring and no body, answers and closes.
func answerSCGI(c net.Conn, answer string) error {
	in := bufio.NewReader(c)
	length, err := in.ReadString(':')
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(length[:len(length)-1])
	if err != nil {
		return err
	}
	if _, err := in.Discard(n + len(",")); err != nil {
		return err
	}
	_, err = io.WriteString(c, answer)
	return err
}

// answerFastCGI answers when the request's STDIN has ended, and closes unless it is asked to keep
// the connection.
func answerFastCGI(c net.Conn, answer string) error {
	records, keep := wire.NewRecordReader(bufio.NewReader(c)), false
	for {
		h, content, err := records.Next()
		switch {
		case err != nil:
			return err
		case h.Type == wire.TypeBeginRequest:
			b, err := wire.ParseBeginRequest(content)
			if err != nil {
				return err
			}
			keep = b.KeepConn
		case h.Type == wire.TypeStdin && len(content) == 0:
			out := wire.AppendRecord(nil, wire.TypeStdout, h.ID, []byte(answer))
			out = wire.AppendRecord(out, wire.TypeStdout, h.ID, nil)
			out = wire.AppendEndRequest(out, h.ID, wire.EndRequest{})
			if _, err := c.Write(out); err != nil || !keep {
				return err
			}
		}
	}
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
