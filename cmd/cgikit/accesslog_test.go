package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// access is a request with these names and values.
func access(variables ...string) *gateway.Access {
	e := util.NewEnviron()
	for i := 0; i < len(variables); i += 2 {
		e.Set(variables[i], variables[i+1])
	}
	return &gateway.Access{
		Request: &gateway.Request{Environ: e}, Status: 200, Bytes: 1234, Duration: 1500 * time.Microsecond, Head: time.Millisecond,
		Start: time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", -2*3600)),
	}
}

func logged(t *testing.T, format string, a *gateway.Access) string {
	t.Helper()
	var b strings.Builder
	log, err := newAccessLog(&b, format)
	if err != nil {
		t.Fatal(err)
	}
	logAccess(log, a)
	return b.String()
}

// TestCombined checks that tools for Apache's log can parse each line, whatever a client sent.
func TestCombined(t *testing.T) {
	usual := []string{
		"REMOTE_ADDR", "192.0.2.1", "REMOTE_USER", "frank", "REQUEST_METHOD", "GET", "REQUEST_URI", "/a?b", "SERVER_PROTOCOL", "HTTP/1.1",
		"HTTP_REFERER", "http://example.org/", "HTTP_USER_AGENT", "Mozilla/5.0 (X)",
	}
	const stamp = " [04/Mar/2026:05:06:07 -0200] "
	for _, test := range []struct {
		name   string
		change []string
		want   string
	}{
		{"usual", nil, `192.0.2.1 - frank` + stamp + `"GET /a?b HTTP/1.1" 200 1234 "http://example.org/" "Mozilla/5.0 (X)"`},
		{"nothing known", []string{"REMOTE_ADDR", "", "REMOTE_USER", "", "HTTP_REFERER", "", "HTTP_USER_AGENT", ""},
			`- - -` + stamp + `"GET /a?b HTTP/1.1" 200 1234 "-" "-"`},
		{"no method", []string{"REQUEST_METHOD", ""}, `192.0.2.1 - frank` + stamp + `"-" 200 1234 "http://example.org/" "Mozilla/5.0 (X)"`},
		{"quotes and line ends", []string{"HTTP_USER_AGENT", "a\" \\ \r\n\x1b[1m\x00\xff" + "ü", "REMOTE_USER", "a b\nc"},
			`192.0.2.1 - a\x20b\x0ac` + stamp + `"GET /a?b HTTP/1.1" 200 1234 "http://example.org/" "a\" \\ \x0d\x0a\x1b[1m\x00\xff\xc3\xbc"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := logged(t, "combined", access(append(usual, test.change...)...)); got != test.want+"\n" {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
	a := access(usual...)
	a.Status, a.Bytes = 0, 0
	if got := logged(t, "combined", a); !strings.Contains(got, `" 000 - "`) {
		t.Errorf("no answer: got %s", got)
	}
}

func TestJSON(t *testing.T) {
	a := access("REMOTE_ADDR", "192.0.2.1", "REQUEST_METHOD", "GET", "SCRIPT_NAME", "/x", "PATH_INFO", "/y", "HTTP_USER_AGENT", "a\n\"b")
	a.Script, a.Err = "/srv/x.php", errors.New("gone")
	text := logged(t, "json", a)
	var got map[string]any
	if err := json.Unmarshal([]byte(text), &got); err != nil || strings.Count(text, "\n") != 1 {
		t.Fatalf("got %q, %v; want one line of JSON", text, err)
	}
	for name, want := range map[string]any{
		"time": "2026-03-04T05:06:07-02:00", "remote": "192.0.2.1", "method": "GET", "uri": "/x/y", "status": 200.0, "bytes": 1234.0, "seconds": 0.0015,
		"head": 0.001, "agent": "a\n\"b", "script": "/srv/x.php", "error": "gone",
	} {
		if got[name] != want {
			t.Errorf("%s: got %v; want %v", name, got[name], want)
		}
	}
	if got["msg"] != nil || got["level"] != nil {
		t.Errorf("got %v; want neither msg nor level", got)
	}
}

func TestAccessLogOff(t *testing.T) {
	if log, err := newAccessLog(nil, "off"); log != nil || err != nil {
		t.Errorf("got %v, %v", log, err)
	}
	if _, err := newAccessLog(nil, "common"); err == nil {
		t.Error("a format that is not there is taken")
	}
}
