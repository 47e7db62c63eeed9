package gatewaytest

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Answers holds what one transport answered, case by case, to be compared with what others did.
type Answers struct {
	byCase map[string][]*reply
}

// unlike are the fields that servers set by themselves or may change.
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

// Compare fails the test for each case in which b answered otherwise than a, the excluded ones
// aside. Compared are the status code, the body, and those fields that a has: a web server may add
// its own. Repeats are joined, and the reason phrase does not count, since lighttpd rewrites it.
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
		t.Error("nothing was compared")
	}
}

// differs says in what other is not the same answer, "" where it is.
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
