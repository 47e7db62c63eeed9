package request

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/testdata/environ"
)

// TestCaptures: --as works with every capture, and leaves nothing of the captured request.
func TestCaptures(t *testing.T) {
	entries, err := fs.ReadDir(environ.Files, ".")
	if err != nil || len(entries) < 30 {
		t.Fatalf("got %d captures, %v", len(entries), err)
	}
	seen := 0
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".txt")
		for _, protocol := range []string{"fastcgi", "scgi", "cgi"} {
			server, variant, found := strings.Cut(name, "-"+protocol)
			if !found || variant != "" && variant[0] != '-' {
				continue
			}
			seen++
			t.Run(name, func(t *testing.T) {
				checkCapture(t, protocol, server+strings.TrimSuffix(variant, "-mounted"), strings.HasSuffix(variant, "-mounted"))
			})
		}
	}
	if seen < 30 {
		t.Errorf("saw %d captures", seen)
	}
}

func checkCapture(t *testing.T, protocol, server string, mounted bool) {
	name := protocol + "://127.0.0.1:1"
	if protocol == "cgi" {
		name = "cgi:capture_test.go"
	}
	for _, body := range []bool{false, true} {
		r := &Request{Target: newTarget(t, name), Path: "/one/two?three"}
		r.Root, r.As = "/srv/site", server
		if mounted {
			r.ScriptName = pointer("/one")
		}
		if body {
			r.Data = []Datum{{Plain, "x=y"}}
		}
		m, err := r.newMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		checkCaptured(t, m, body)
	}
}

func checkCaptured(t *testing.T, m *message, body bool) {
	t.Helper()
	for _, v := range m.environ {
		for _, old := range []string{"/app", "a,b", "x=1", "/tmp/cgikit-", "YWRtaW4", "b=2", "proxy.invalid", "one, two"} {
			if strings.Contains(v.value, old) {
				t.Errorf("%s=%s has %q of the capture", v.name, v.value, old)
			}
		}
	}
	if got := m.environ.get("QUERY_STRING"); got != "three" {
		t.Errorf("got query %q", got)
	}
	if got := m.environ.get("CONTENT_LENGTH"); body != (got == "3") {
		t.Errorf("got CONTENT_LENGTH %q with a body: %t", got, body)
	}
	if uri := m.environ.get("REQUEST_URI"); uri != "/one/two?three" {
		t.Errorf("got REQUEST_URI %q", uri)
	}
}
