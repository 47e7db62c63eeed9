//go:build unix

package host_test

import (
	"io"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/host"
)

// TestMoreThanDeclared: nginx drops bytes after the declared length, over every protocol, and so do
// a Handler and a Transport, with one line in the log.
func TestMoreThanDeclared(t *testing.T) {
	for _, answer := range []string{
		"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabcdef",
		"Content-Type: text/plain\r\nContent-Length: 3\r\n\r\nabc" + strings.Repeat("x", 60_000),
	} {
		onServers(t, nginx, func(t *testing.T, _, url string, setAnswer func(string)) {
			setAnswer(answer)
			getURL(t, url+"/").want(t, 200, "abc")
		})
		for _, b := range rawBackends(t, answer) {
			t.Run(b.name, func(t *testing.T) {
				log := new(logBuffer)
				got := get(t, &host.Handler{Backend: b, ErrorLog: log.logger()}, "/x")
				got.want(t, 200, "abc")
				if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "Content-Length of 3 bytes") {
					t.Errorf("Handler: got the log %q; want one line about the length", log)
				}
				resp, err := roundTrip(t, &host.Transport{Backend: b, ErrorLog: log.logger()}, "GET", "/x", nil, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if body, err := io.ReadAll(resp.Body); string(body) != "abc" || err != nil {
					t.Errorf("Transport: got %.20q, %v", body, err)
				}
				if n := strings.Count(log.String(), "\n"); n != 2 {
					t.Errorf("Transport: got the log %q; want a second line", log)
				}
			})
		}
	}
}

// TestLessThanDeclared: the client sees that the response is not complete.
func TestLessThanDeclared(t *testing.T) {
	for _, b := range rawBackends(t, "Content-Type: text/plain\r\nContent-Length: 9000\r\n\r\n"+strings.Repeat("x", 5000)) {
		t.Run(b.name, func(t *testing.T) {
			if got := get(t, handler(b), "/x"); got.err == nil {
				t.Errorf("got %d with %d bytes and no error", got.status, len(got.body))
			}
		})
	}
}
