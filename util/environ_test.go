package util_test

import (
	"math/bits"
	"os"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unsafe"

	"github.com/cgikit/cgikit/util"
)

// pair is one variable as All yields it.
type pair struct{ name, value string }

// environ builds an Environ of alternating names and values.
func environ(namesAndValues ...string) *util.Environ {
	e := util.NewEnviron()
	for nv := range slices.Chunk(namesAndValues, 2) {
		e.Add(nv[0], nv[1])
	}
	return e
}

// numbered builds an Environ of n variables with different names.
func numbered(n int) *util.Environ {
	e := util.NewEnviron()
	for i := range n {
		e.Add("NAME"+strconv.Itoa(i), strconv.Itoa(i))
	}
	return e
}

func pairs(e *util.Environ) []pair {
	list := []pair{}
	for name, value := range e.All() {
		list = append(list, pair{name, value})
	}
	return list
}

func wantPairs(t *testing.T, e *util.Environ, want ...pair) {
	t.Helper()
	if got := pairs(e); !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	if e.Len() != len(want) {
		t.Errorf("Len: got %d; want %d", e.Len(), len(want))
	}
}

func wantLookup(t *testing.T, e *util.Environ, name, want string, wantOK bool) {
	t.Helper()
	if got, ok := e.Lookup(name); got != want || ok != wantOK {
		t.Errorf("Lookup(%q): got %q, %v; want %q, %v", name, got, ok, want, wantOK)
	}
	if got := e.Get(name); got != want {
		t.Errorf("Get(%q): got %q; want %q", name, got, want)
	}
}

func TestEnvironSetAddDel(t *testing.T) {
	tests := []struct {
		name   string
		change func(e *util.Environ) // of A=1 B=2 A=3 C=4 A=5 D=6
		want   []pair
	}{
		{"Add appends", func(e *util.Environ) { e.Add("E", "7") },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}, {"E", "7"}}},
		{"Add keeps repetitions", func(e *util.Environ) { e.Add("A", "7") },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}, {"A", "7"}}},
		{"Add takes what decoders refuse", func(e *util.Environ) { e.Add("", "7") },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}, {"", "7"}}},
		{"Set leaves the last in its place", func(e *util.Environ) { e.Set("A", "7") },
			[]pair{{"B", "2"}, {"C", "4"}, {"A", "7"}, {"D", "6"}}},
		{"Set of a single one moves nothing", func(e *util.Environ) { e.Set("B", "7") },
			[]pair{{"A", "1"}, {"B", "7"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}}},
		{"Set of a new name appends", func(e *util.Environ) { e.Set("E", "7") },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}, {"E", "7"}}},
		{"Set compares bytes", func(e *util.Environ) { e.Set("b", "7") },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}, {"b", "7"}}},
		{"Del takes all of the name", func(e *util.Environ) { e.Del("A") },
			[]pair{{"B", "2"}, {"C", "4"}, {"D", "6"}}},
		{"Del of an absent name", func(e *util.Environ) { e.Del("a") },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}}},
		{"Del of everything, then Add", func(e *util.Environ) { e.Del("A"); e.Del("B"); e.Del("C"); e.Del("D"); e.Add("A", "7") },
			[]pair{{"A", "7"}}},
		{"Grow changes nothing", func(e *util.Environ) { e.Grow(-1); e.Grow(0); e.Grow(1000) },
			[]pair{{"A", "1"}, {"B", "2"}, {"A", "3"}, {"C", "4"}, {"A", "5"}, {"D", "6"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			e := environ("A", "1", "B", "2", "A", "3", "C", "4", "A", "5", "D", "6")
			test.change(e)
			wantPairs(t, e, test.want...)
		})
	}
}

func TestEnvironLookupGivesTheLast(t *testing.T) {
	e := environ("A", "1", "EMPTY", "x", "A", "2", "EMPTY", "", "B", "3")
	wantLookup(t, e, "A", "2", true)
	wantLookup(t, e, "EMPTY", "", true)
	wantLookup(t, e, "a", "", false)
	wantLookup(t, e, "", "", false)
}

// TestEnvironZero: the zero value is an empty Environ that can be written to.
func TestEnvironZero(t *testing.T) {
	writes := map[string]func(e *util.Environ){
		"Add":          func(e *util.Environ) { e.Add("A", "1") },
		"Set":          func(e *util.Environ) { e.Set("A", "1") },
		"Grow and Add": func(e *util.Environ) { e.Grow(100); e.Add("A", "1") },
		"Del and Add":  func(e *util.Environ) { e.Del("A"); e.Add("A", "1") },
	}
	for name, write := range writes {
		t.Run(name, func(t *testing.T) {
			var e util.Environ
			wantPairs(t, &e)
			wantLookup(t, &e, "A", "", false)
			write(&e)
			wantPairs(t, &e, pair{"A", "1"})
		})
	}
}

// TestEnvironNil: a nil *Environ reads as an empty one.
func TestEnvironNil(t *testing.T) {
	var e *util.Environ
	wantPairs(t, e)
	wantLookup(t, e, "A", "", false)
	e.Del("A")
	if m := e.Map(); m == nil || len(m) != 0 {
		t.Errorf("Map: got %#v; want an empty map", m)
	}
	if list := e.List(); list == nil || len(list) != 0 {
		t.Errorf("List: got %#v; want an empty slice", list)
	}
	c := e.Clone()
	c.Add("A", "1")
	wantPairs(t, c, pair{"A", "1"})
}

func TestEnvironFromMap(t *testing.T) {
	e := util.EnvironFromMap(map[string]string{"C": "3", "A": "1", "": "0", "B": "2"})
	wantPairs(t, e, pair{"", "0"}, pair{"A", "1"}, pair{"B", "2"}, pair{"C", "3"})
	wantPairs(t, util.EnvironFromMap(nil))
}

func TestEnvironFromList(t *testing.T) {
	e := util.EnvironFromList([]string{"B=2", "A=1=one", `=C:=C:\dir`, "none", "", "=", "B=", "C= 3\n"})
	wantPairs(t, e, pair{"B", "2"}, pair{"A", "1=one"}, pair{"B", ""}, pair{"C", " 3\n"})
	wantPairs(t, util.EnvironFromList(nil))
}

func TestEnvironFromProcess(t *testing.T) {
	t.Setenv("CGIKIT_UTIL_TEST", "x=y z")
	e := util.EnvironFromList(os.Environ())
	wantLookup(t, e, "CGIKIT_UTIL_TEST", "x=y z", true)
}

func TestEnvironMap(t *testing.T) {
	e := environ("A", "1", "B", "2", "A", "3")
	want := map[string]string{"A": "3", "B": "2"}
	if got := e.Map(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	e.Map()["A"] = "changed"
	wantLookup(t, e, "A", "3", true)
}

func TestEnvironList(t *testing.T) {
	e := environ("A", "1", "B", "2", "", "no name", "X=Y", "split", "A", "3", "NUL", "\x00", "E", "")
	want := []string{"B=2", "A=3", "NUL=\x00", "E="}
	if got := e.List(); !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

// TestEnvironClone: changes of one do not change the other, inside the inline room and beyond it.
func TestEnvironClone(t *testing.T) {
	for _, n := range []int{0, 1, 30, 34, 35, 100} {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			e := numbered(n)
			before := pairs(e)
			c := e.Clone()
			wantPairs(t, c, before...)
			c.Set("NAME0", "changed")
			c.Add("NEW", "")
			wantPairs(t, e, before...)
			changed := pairs(c)
			e.Del("NAME0")
			e.Add("OTHER", "")
			wantPairs(t, c, changed...)
		})
	}
}

func TestEnvironAllStops(t *testing.T) {
	for name := range environ("A", "1", "B", "2").All() {
		if name != "A" {
			t.Fatalf("went on to %q after break", name)
		}
		break
	}
}

// TestEnvironAllWhileModified: the loop sees a Set in place, and no modification makes it panic or
// run for ever.
func TestEnvironAllWhileModified(t *testing.T) {
	e := environ("A", "1", "B", "2")
	for name, value := range e.All() {
		e.Set(name, value+"!")
	}
	wantPairs(t, e, pair{"A", "1!"}, pair{"B", "2!"})
	for name := range e.All() {
		e.Del(name)
		e.Del("B")
	}
	wantPairs(t, e)
}

// TestEnvironConcurrentReads lets the race detector check that reading never writes, even in a zero
// value.
func TestEnvironConcurrentReads(t *testing.T) {
	var zero util.Environ
	var readers sync.WaitGroup
	for _, e := range []*util.Environ{&zero, numbered(40), textEnviron(string(block(30)), 10, 10)} {
		for range 4 {
			readers.Go(func() {
				if got := len(pairs(e.Clone())); got != e.Len() || len(e.Map()) > got || len(e.List()) > got {
					t.Errorf("got %d variables; want %d", got, e.Len())
				}
				wantLookup(t, e, "ABSENT", "", false)
			})
		}
	}
	readers.Wait()
}

// block is a decoded header block of n variables, names and values of 10 bytes each.
func block(n int) []byte { return []byte(strings.Repeat("SOME_NAME_some_value", n)) }

// fromBlock does what a decoder does: it makes one string of the block, and variables that are
// parts of it.
func fromBlock(block []byte) *util.Environ {
	s := string(block)
	e := util.NewEnviron()
	for i := 0; i < len(s); i += 20 {
		e.Add(s[i:i+10], s[i+10:i+20])
	}
	return e
}

func TestEnvironAllocations(t *testing.T) {
	b, small, large := block(30), numbered(30), numbered(100)
	list, packed := slices.Repeat([]string{"A=1"}, 100), textEnviron(string(b), 10, 10)
	tests := []struct {
		name string
		run  func()
		want float64
	}{
		{"30 variables from a block, its string included", func() { sink = fromBlock(b) }, 2},
		{"30 variables of a text, which is included", func() { sink = textEnviron(string(b), 10, 10) }, 2},
		{"Clone of 30 of a text", func() { sink = packed.Clone() }, 1},
		{"Get of a text", func() { packed.Get("SOME_NAME_"); packed.Get("ABSENT") }, 0},
		{"NewEnviron", func() { sink = util.NewEnviron() }, 1},
		{"Clone of 30", func() { sink = small.Clone() }, 1},
		{"Clone of 100", func() { sink = large.Clone() }, 2},
		{"EnvironFromList of 100", func() { sink = util.EnvironFromList(list) }, 2},
		{"Get", func() { small.Get("NAME0"); small.Get("ABSENT") }, 0},
		{"Set in place", func() { small.Set("NAME0", "x") }, 0},
		{"All", func() {
			for range small.All() {
			}
		}, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := testing.AllocsPerRun(100, test.run); got > test.want {
				t.Errorf("got %v allocations; want at most %v", got, test.want)
			}
		})
	}
}

// sink keeps the compiler from removing the measured code.
var sink *util.Environ

// TestNewEnvironFillsItsSizeClass fails when the runtime's size classes change: inlineVariables
// should then follow.
func TestNewEnvironFillsItsSizeClass(t *testing.T) {
	if bits.UintSize != 64 {
		t.Skip("the number was picked for 64-bit systems")
	}
	const header = 8 // before objects with pointers in them of more than 512 bytes
	const variables, variable = 34, 32
	size := uint32(unsafe.Sizeof(util.Environ{})+variables*variable) + header
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	for _, class := range m.BySize {
		if class.Size >= size {
			if class.Size-size >= variable {
				t.Errorf("%d bytes leave room for a variable in the size class of %d", size, class.Size)
			}
			return
		}
	}
}
