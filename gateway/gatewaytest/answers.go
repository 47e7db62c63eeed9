package gatewaytest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Answers holds what one transport answered, case by case, to be compared with what others did.
type Answers struct {
	byCase map[string][]string
}

// unlike are the fields that servers set by themselves or may change.
var unlike = []string{"Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Date", "Server"}

func (a *Answers) add(name string, replies []*reply) {
	if a == nil {
		return
	}
	if a.byCase == nil {
		a.byCase = make(map[string][]string)
	}
	for _, r := range replies {
		a.byCase[name] = append(a.byCase[name], r.comparable())
	}
}

// comparable is a reply as text: status code, fields by name with repeats joined, body. The reason does not count, since
// lighttpd rewrites it.
func (r *reply) comparable() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", r.code)
	for _, name := range slices.Sorted(maps.Keys(r.header)) {
		if !slices.Contains(unlike, http.CanonicalHeaderKey(name)) {
			fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(r.header[name], ", "))
		}
	}
	fmt.Fprintf(&b, "\n%s", r.body)
	if r.err != nil {
		b.WriteString("\n(broken off)")
	}
	return b.String()
}

// Compare fails the test for each case in which a and b differ, those that either of them excludes aside.
func (a *Answers) Compare(t *testing.T, b *Answers, excluded ...Exclusion) {
	t.Helper()
	compared := 0
	for name, replies := range a.byCase {
		if slices.ContainsFunc(excluded, func(x Exclusion) bool { return x.Case == name }) {
			continue
		}
		compared++
		if others := b.byCase[name]; !slices.Equal(replies, others) {
			t.Errorf("%s: the answers differ:\n%s\nand\n%s", name, short(strings.Join(replies, "\n")), short(strings.Join(others, "\n")))
		}
	}
	if compared == 0 {
		t.Error("nothing was compared")
	}
}
