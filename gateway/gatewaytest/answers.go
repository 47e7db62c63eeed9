package gatewaytest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Answers holds the answers of one transport by case, to compare them with those of another.
type Answers struct {
	byCase map[string][]*reply
}

// unlike are the fields that a server may set or change by itself.
var unlike = []string{"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date", "Server"}

func (a *Answers) add(name string, replies []*reply) {
	if a == nil {
		return
	}
	if a.byCase == nil {
		a.byCase = make(map[string][]*reply)
	}
	a.byCase[name] = append(a.byCase[name], replies...)
}

// Compare fails the test for each case in which the answers of a and b differ, except the excluded
// cases. It compares the status code, the body, and the fields that a has: a web server may add its
// own. It joins repeated fields, and ignores the reason phrase, since lighttpd rewrites it.
func (a *Answers) Compare(t *testing.T, b *Answers, excluded ...Exclusion) {
	t.Helper()
	compared := 0
	for name, replies := range a.byCase {
		if slices.ContainsFunc(excluded, func(x Exclusion) bool { return x.Case == name }) {
			continue
		}
		compared++
		others := b.byCase[name]
		if len(replies) != len(others) {
			t.Errorf("%s: %d replies and %d", name, len(replies), len(others))
			continue
		}
		for i, r := range replies {
			if difference := r.differs(others[i]); difference != "" {
				t.Errorf("%s: reply %d: %s", name, i, difference)
			}
		}
	}
	if compared == 0 {
		t.Error("no case was compared")
	}
}

// differs describes the first difference between two answers. It returns "" if they are equal.
func (r *reply) differs(other *reply) string {
	if r.code != other.code {
		return fmt.Sprintf("status %d and %d", r.code, other.code)
	}
	for name := range r.header {
		got, want := strings.Join(other.header[name], ", "), strings.Join(r.header[name], ", ")
		if got != want && !slices.Contains(unlike, name) {
			return fmt.Sprintf("%s: %s and %s", name, short(want), short(got))
		}
	}
	if !bytes.Equal(r.body, other.body) {
		return fmt.Sprintf("body %s and %s", short(string(r.body)), short(string(other.body)))
	}
	return ""
}
