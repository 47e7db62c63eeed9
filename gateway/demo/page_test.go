package demo

import (
	"regexp"
	"strings"
	"testing"
)

// A template is executed only when its page is requested. The test requests every page, and checks
// for well-formed HTML.
func TestEveryTagIsClosed(t *testing.T) {
	void := map[string]bool{"meta": true, "link": true, "input": true}
	tag := regexp.MustCompile(`<(/?)([a-z0-9]+)(?:"[^"]*"|[^>"])*>`)
	for _, r := range []string{"/", "/form", "/nothing"} {
		body := fetch(t, request(r)).body
		var open []string
		for _, m := range tag.FindAllStringSubmatch(body, -1) {
			switch {
			case void[m[2]]:
			case m[1] == "":
				open = append(open, m[2])
			case len(open) == 0 || open[len(open)-1] != m[2]:
				t.Fatalf("%s: got </%s> where %v are open", r, m[2], open)
			default:
				open = open[:len(open)-1]
			}
		}
		if len(open) > 0 {
			t.Errorf("%s: got %v still open at the end", r, open)
		}
	}
}

// Every field of the form has a label, and the style sheet has a dark mode.
func TestPagesAreAccessible(t *testing.T) {
	body := fetch(t, request("/form")).body
	for _, m := range regexp.MustCompile(`<(?:input|textarea) id="(\w+)"`).FindAllStringSubmatch(body, -1) {
		if !strings.Contains(body, `<label for="`+m[1]+`">`) {
			t.Errorf("got no label for %q", m[1])
		}
	}
	if !strings.Contains(string(Style()), "prefers-color-scheme: dark") {
		t.Error("got a style sheet without dark colours")
	}
}

// The policy has the hash of the style element as the page has it.
func TestPolicyAllowsTheStyle(t *testing.T) {
	a := fetch(t, request("/"))
	_, rest, _ := strings.Cut(a.body, "<style>")
	style, _, _ := strings.Cut(rest, "</style>")
	policy := a.Headers.Get("Content-Security-Policy")
	if !strings.Contains(policy, "; style-src "+Hash(style)+";") || strings.Contains(policy, "unsafe") {
		t.Errorf("got the policy %q", policy)
	}
	for more, want := range map[string]string{"script-src 'self'": "form-action 'none'", "form-action 'self'": "form-action 'self'"} {
		if got := Policy("", more); strings.Count(got, "form-action") != 1 || !strings.Contains(got, want) || !strings.Contains(got, more) {
			t.Errorf("with %s: got %q", more, got)
		}
	}
}
