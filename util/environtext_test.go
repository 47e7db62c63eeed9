package util_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/util"
)

// textEnviron returns an Environ whose variables are parts of text: names and values of these sizes
// take turns.
func textEnviron(text string, name, value int) *util.Environ {
	t := new(util.EnvironText)
	t.Begin(text)
	for at := 0; at < len(text); at += name + value {
		t.Add(at, at+name, at+name, at+name+value)
	}
	return t.Environ()
}

// TestEnvironText: variables of a text are read and changed like any others, at each number and
// size around the bounds of an EnvironText.
func TestEnvironText(t *testing.T) {
	for _, variables := range []int{0, 1, 35, 36, 37, 100} {
		for _, size := range []int{0, 1, 1000, 1820, 1821, 70_000} { // 36 of 1,820 and 36 names of 3 bytes are 65,628
			t.Run(strconv.Itoa(variables)+" of "+strconv.Itoa(size), func(t *testing.T) {
				text, want := "", []pair{}
				for i := range variables {
					v := pair{"N" + strconv.Itoa(10+i%90), strings.Repeat(string('a'+rune(i%26)), size)}
					text, want = text+v.name+v.value, append(want, v)
				}
				e := textEnviron(text, 3, size)
				wantPairs(t, e, want...)
				wantLookup(t, e, "ABSENT", "", false)
				for _, v := range want {
					wantLookup(t, e, v.name, e.Map()[v.name], true)
				}
				c := e.Clone()
				wantPairs(t, c, want...)
				c.Add("NEW", "1")
				c.Set("N10", "2")
				wantPairs(t, e, want...)
				wantLookup(t, c, "NEW", "1", true)
				wantLookup(t, c, "N10", "2", true)
				e.Del("ABSENT")
				e.Grow(3)
				wantPairs(t, e, want...)
				e.Del("N10")
				wantLookup(t, e, "N10", "", false)
				wantLookup(t, c, "N10", "2", true)
			})
		}
	}
}

// TestEnvironTextEdge: a text of 65,535 bytes is addressed to its last byte.
func TestEnvironTextEdge(t *testing.T) {
	for _, size := range []int{65_535, 65_536} {
		e := textEnviron(strings.Repeat("x", size-4)+"NAME", size-4, 4)
		wantLookup(t, e, strings.Repeat("x", size-4), "NAME", true)
	}
}

// TestEnvironTextLongNames: names whose lengths are equal modulo 64 are distinguished.
func TestEnvironTextLongNames(t *testing.T) {
	for n := range 130 {
		name := strings.Repeat("N", n)
		e := textEnviron(name+"1", n, 1)
		for _, other := range []int{0, 1, 63, 64, 65, 128, n} {
			wantLookup(t, e, strings.Repeat("N", other), map[bool]string{true: "1"}[other == n], other == n)
		}
	}
}

// TestEnvironTextBeginsAgain: a decoder may begin again before it has handed out the Environ.
func TestEnvironTextBeginsAgain(t *testing.T) {
	var text util.EnvironText
	text.Begin("A1")
	text.Add(0, 1, 1, 2)
	text.Environ().Set("B", "2")
	text.Begin("C3")
	text.Add(0, 1, 1, 2)
	wantPairs(t, text.Environ(), pair{"C", "3"})
}
