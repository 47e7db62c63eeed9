package util_test

import (
	"maps"
	"slices"
	"strconv"
	"testing"

	"github.com/cgikit/cgikit/util"
)

// model is the simplest possible implementation of Environ.
type model []pair

func (m *model) add(name, value string) { *m = append(*m, pair{name, value}) }

func (m *model) del(name string) {
	*m = slices.DeleteFunc(*m, func(p pair) bool { return p.name == name })
}

func (m *model) set(name, value string) {
	at := -1
	for i, p := range *m {
		if p.name == name {
			at = i
		}
	}
	if at < 0 {
		m.add(name, value)
		return
	}
	before, after := slices.Clone((*m)[:at]), slices.Clone((*m)[at+1:])
	*m = before
	m.del(name)
	m.add(name, value)
	*m = append(*m, after...)
}

func (m model) last() map[string]string {
	last := map[string]string{}
	for _, p := range m {
		last[p.name] = p.value
	}
	return last
}

// apply applies op to both. Its last two bits are the operation, the others select one of eight
// names. Long runs of Add exceed the inline room.
func apply(e *util.Environ, m *model, op byte, value string) {
	name := string('A' + rune(op>>2&7))
	switch op & 3 {
	case 0, 1:
		e.Add(name, value)
		m.add(name, value)
	case 2:
		e.Set(name, value)
		m.set(name, value)
	case 3:
		e.Del(name)
		m.del(name)
	}
}

// FuzzEnviron applies the same operations to an Environ, created by each constructor, and to the
// model. It compares all results after every step.
func FuzzEnviron(f *testing.F) {
	f.Add(byte(0), []byte{0, 4, 0, 2})                       // Add A, B, A; Set A
	f.Add(byte(1), []byte{0, 0, 0, 3, 0})                    // Add A three times; Del A; Add A
	f.Add(byte(2), []byte{6, 4, 4, 7, 6})                    // Set, Add, Add, Del, Set B
	f.Add(byte(3), slices.Repeat([]byte{0, 4, 8, 12}, 10))   // beyond the inline room
	f.Add(byte(0), slices.Repeat([]byte{0, 4, 2, 8, 7}, 20)) // mixed, beyond it
	f.Add(byte(4), []byte{2, 3, 0, 7})                       // of a text: Set, Del, Add A; Del B
	f.Add(byte(4), []byte{31, 3, 6})                         // Del H, which it does not have; Del A; Set B
	f.Fuzz(func(t *testing.T, start byte, ops []byte) {
		begin := []func() *util.Environ{
			util.NewEnviron,
			func() *util.Environ { return new(util.Environ) },
			func() *util.Environ { e := util.NewEnviron(); e.Grow(int(start)); return e },
			func() *util.Environ { return (*util.Environ)(nil).Clone() },
			func() *util.Environ { return textEnviron("A1B2A3", 1, 1) },
		}
		e := begin[int(start)%len(begin)]()
		m := model(pairs(e))
		for i, op := range ops[:min(len(ops), 200)] {
			apply(e, &m, op, strconv.Itoa(i))
			if i%32 == 31 {
				e = e.Clone()
			}
			compare(t, e, m)
		}
	})
}

func compare(t *testing.T, e *util.Environ, m model) {
	t.Helper()
	wantPairs(t, e, m...)
	last := m.last()
	if got := e.Map(); !maps.Equal(got, last) {
		t.Fatalf("Map: got %q; want %q", got, last)
	}
	for name := byte('A'); name < 'I'; name++ {
		value, ok := last[string(name)]
		wantLookup(t, e, string(name), value, ok)
	}
	if got := util.EnvironFromList(e.List()); !maps.Equal(got.Map(), last) || got.Len() != len(last) {
		t.Fatalf("List: got %q; want %q", pairs(got), last)
	}
	if t.Failed() {
		t.FailNow()
	}
}
