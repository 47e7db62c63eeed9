package gatewaytest

import (
	"io"
	"log"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// sabotage maps each case to the saboteur that it must detect.
var sabotage = map[string]string{
	"get":                   "decodes twice",
	"query-is-always-set":   "omits empty ones",
	"extension-method":      "knows two methods",
	"mount":                 "mounts at the root",
	"request-uri":           "decodes twice",
	"server":                "cuts variables",
	"forged-scheme":         "believes the client",
	"ipv6-host":             "believes the client",
	"path-encoded":          "does not decode",
	"path-encoded-twice":    "decodes twice",
	"path-bytes":            "does not decode",
	"repeated-slashes":      "merges slashes",
	"field":                 "cuts variables",
	"repeated-fields":       "takes the last",
	"cookies":               "believes the client",
	"aliased-field":         "takes aliases",
	"fifty-fields":          "cuts variables",
	"field-of-128-bytes":    "cuts variables",
	"field-of-20-kilobytes": "cuts variables",
	"authorization":         "cuts variables",
	"httpoxy":               "believes the client",
	"no-entity-variables":   "believes the client",

	"post-form":            "loses a byte of the body",
	"post-96000":           "loses a byte of the body",
	"post-10-megabytes":    "loses a byte of the body",
	"post-empty":           "adds a byte to the body",
	"echo-10-megabytes":    "loses blocks",
	"no-body":              "adds a byte to the body",
	"unread-body":          "insists on the body",
	"half-read-body":       "insists on the body",
	"unknown-length":       "loses a byte of the body",
	"unknown-length-empty": "adds a byte to the body",
	"short-request-body":   "hides a short body",
	"short-chunked-body":   "hides a short body",
	"too-large-a-body":     "answers 200",

	"status":                   "answers 200",
	"status-line":              "naive",
	"second-start":             "naive",
	"interim-status":           "naive",
	"silent-app":               "naive",
	"head":                     "naive",
	"head-length":              "swallows breaks",
	"204":                      "naive",
	"205":                      "naive",
	"304":                      "naive",
	"redirect":                 "answers 200",
	"redirect-to-a-path":       "answers 200",
	"repeated-response-fields": "small head",
	"head-of-60-kilobytes":     "small head",
	"body-like-a-head":         "looks for heads",
	"newlines":                 "text mode",
	"declared-length":          "loses the last byte",
	"long-body":                "swallows breaks",
	"no-content-type":          "guesses types",
	"refused-hop-by-hop":       "naive",
	"refused-status-field":     "naive",
	"refused-header-injection": "naive",
	"refused-status-injection": "naive",
	"refused-line-feed":        "naive",
	"refused-nul":              "naive",
	"refused-name":             "naive",

	"file-of-20-megabytes": "loses blocks",
	"part-of-a-file":       "loses blocks",
	"streamed":             "does not flush",
	"head-before-body":     "does not flush",
	"large-body":           "loses blocks",

	"keep-alive":         "naive",
	"concurrent":         "one at a time",
	"slow-reader":        "loses blocks",
	"full-duplex":        "reads ahead",
	"gone-while-silent":  "forgets the client",
	"gone-while-writing": "forgets the client",

	"error-before-the-head":      "tells",
	"panic-before-the-head":      "tells",
	"panic-after-the-first-byte": "swallows breaks",
	"error-after-the-first-byte": "swallows breaks",
	"short-body":                 "swallows breaks",
	"aborted":                    "swallows breaks",
	"error-with-unread-body":     "insists on the body",
	"error-stream":               "blocks on complaints",
	"alive-after-failures":       "dies",
}

// TestEveryCaseCanFail runs each case against a transport that breaks its rule.
func TestEveryCaseCanFail(t *testing.T) {
	t.Parallel()
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			broken, ok := saboteurs[sabotage[c.Name]]
			if !ok {
				t.Fatalf("the case has no saboteur %q", sabotage[c.Name])
			}
			s := httptest.NewUnstartedServer(broken(App))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.Start()
			defer s.Close()
			mount, _ := url.Parse(s.URL + "/app")
			p := newProbe(mount, c)
			p.patience, p.prompt = 2*time.Second, shortPrompt
			p.run(c.drive)
			if len(p.failures) == 0 {
				t.Errorf("the case passes with a transport that %s", sabotage[c.Name])
			}
			t.Log(p.failures)
		})
	}
}

// TestSabotage checks that the table has all cases, and that each saboteur is in it.
func TestSabotage(t *testing.T) {
	if len(sabotage) != len(Cases()) {
		t.Errorf("got saboteurs for %d cases; want %d", len(sabotage), len(Cases()))
	}
	busy := make(map[string]bool)
	for _, name := range sabotage {
		busy[name] = true
	}
	for name := range saboteurs {
		if !busy[name] {
			t.Errorf("saboteur %q breaks no case", name)
		}
	}
}
