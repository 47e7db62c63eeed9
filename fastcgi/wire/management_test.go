package wire

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestAnswerValues(t *testing.T) {
	pairsOf := func(names ...string) (query string) {
		for _, name := range names {
			query += string(AppendPair(nil, name, ""))
		}
		return query
	}
	numbered := func(n int) (names []string) {
		for i := range n {
			names = append(names, fmt.Sprint("N", i))
		}
		return names
	}
	for _, c := range []struct {
		name, query string
		want        string // names
		asked       int    // calls of known
	}{
		{"none", "", "", 0},
		{"one", pairsOf("N0"), "N0", 1},
		{"unknown", pairsOf("X", "N1", "n1", ""), "N1", 4},
		{"twice", pairsOf("N1", "N0", "N1"), "N1 N0", 2},
		{"sixteen", pairsOf(numbered(16)...), strings.Join(numbered(16), " "), 16},
		{"seventeen", pairsOf(numbered(17)...), strings.Join(numbered(16), " "), 16},
		{"a record of empty names", strings.Repeat("\x00\x00", MaxContent/2), "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked := 0
			got, err := AnswerValues([]byte(c.query), func(name string) (string, bool) {
				asked++
				return name + "!", strings.HasPrefix(name, "N")
			})
			var want []byte
			for _, name := range strings.Fields(c.want) {
				want = AppendPair(want, name, name+"!")
			}
			if !bytes.Equal(got, want) || err != nil || asked != c.asked {
				t.Errorf("got %q, %v after %d questions; want %q after %d", got, err, asked, want, c.asked)
			}
		})
	}
	query := pairsOf(numbered(20)...) + "\x05"
	if got, err := AnswerValues([]byte(query), func(string) (string, bool) { return "", true }); !isProtocolError(err) {
		t.Errorf("a pair without its end, after the names that are looked at: got %q, %v; want a ProtocolError", got, err)
	}
}

// BenchmarkAnswerValues answers a query with as many names as one record can have.
func BenchmarkAnswerValues(b *testing.B) {
	query := bytes.Repeat([]byte("\x01\x00N"), MaxContent/3)
	for b.Loop() {
		AnswerValues(query, func(string) (string, bool) { return "1", true })
	}
}
