package util

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// inlineVariables is the room that comes with every Environ. With it the struct and the allocator's
// 8-byte header fill the runtime's 1,152-byte size class exactly on 64-bit systems. nginx's stock
// fastcgi_params are 19 variables, and a browser adds its dozen or so.
const inlineVariables = 35

// Environ is the ordered list of meta-variables of one request (RFC 3875 section 4.1), wsgiref's
// environ. Names and values are bytes, kept as the web server sent them: nothing is decoded, and
// names are compared byte for byte on every system. A name may occur more than once, as nginx sends
// a setting and its override; the last one counts.
//
// The zero value is empty and ready to use, and a nil *Environ reads as an empty one. An Environ
// must not be copied after first use: Clone it. Any number of goroutines may read it at the same
// time, but none while another modifies it.
type Environ struct {
	_      noCopy
	vars   []variable // begins as a slice of inline
	inline [inlineVariables]variable
}

type variable struct{ name, value string }

// noCopy makes go vet report copies: vars of a copy would point into the original.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// NewEnviron returns an empty Environ. It is one allocation, with room for 35 variables in it.
func NewEnviron() *Environ { return new(Environ) }

// EnvironFromMap returns an Environ with the entries of m, sorted by name.
func EnvironFromMap(m map[string]string) *Environ {
	e := NewEnviron()
	e.Grow(len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e.Add(name, m[name])
	}
	return e
}

// EnvironFromList returns an Environ of entries "NAME=value" in their order, the form of os.Environ
// and of exec.Cmd's Env. An entry without "=" or without a name is left out; Windows has such
// entries, "=C:=C:\dir", for the current directory of each drive.
func EnvironFromList(list []string) *Environ {
	e := NewEnviron()
	e.Grow(len(list))
	for _, entry := range list {
		if name, value, ok := strings.Cut(entry, "="); ok && name != "" {
			e.Add(name, value)
		}
	}
	return e
}

// Get returns the last value of that name, "" if there is none.
func (e *Environ) Get(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// Lookup returns the last value of that name and whether there is one. It tells a variable sent
// empty from one that was not sent.
func (e *Environ) Lookup(name string) (string, bool) {
	if i := e.lastIndex(name); i >= 0 {
		return e.vars[i].value, true
	}
	return "", false
}

// Set makes value the only one of that name. The last variable of the name keeps its place, earlier
// ones are removed; a new name goes to the end.
func (e *Environ) Set(name, value string) {
	last := e.lastIndex(name)
	if last < 0 {
		e.Add(name, value)
		return
	}
	e.vars[last].value = value
	e.deleteBefore(last, name)
}

// Add appends a variable, also when the name is there already. The name is not checked: what a
// protocol forbids, its decoder refuses.
func (e *Environ) Add(name, value string) {
	if e.vars == nil {
		e.vars = e.inline[:0]
	}
	e.vars = append(e.vars, variable{name, value})
}

// Grow makes room for n more variables, so that adding them allocates at most once. It does nothing
// if n is negative.
func (e *Environ) Grow(n int) {
	if e.vars == nil {
		e.vars = e.inline[:0]
	}
	if n <= cap(e.vars)-len(e.vars) {
		return
	}
	// doubled, so that many small steps stay cheap
	vars := make([]variable, len(e.vars), max(len(e.vars)+n, 2*cap(e.vars)))
	copy(vars, e.vars)
	e.vars = vars
}

// Del removes every variable of that name.
func (e *Environ) Del(name string) {
	if e.Len() > 0 {
		e.deleteBefore(e.Len(), name)
	}
}

// Len returns the number of variables, each repetition of a name included.
func (e *Environ) Len() int {
	if e == nil {
		return 0
	}
	return len(e.vars)
}

// All ranges over names and values in order, repetitions included. The loop body may Set a name
// that occurs once; after Add, Del or another Set it is not specified which variables the rest of
// the loop sees. Range over a Clone to modify freely.
func (e *Environ) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := 0; i < e.Len(); i++ {
			if !yield(e.vars[i].name, e.vars[i].value) {
				return
			}
		}
	}
}

// Clone returns a copy that shares nothing modifiable with e. It is one allocation up to 35
// variables, else two.
func (e *Environ) Clone() *Environ {
	c := NewEnviron()
	if e.Len() > 0 {
		c.Grow(len(e.vars))
		c.vars = append(c.vars, e.vars...)
	}
	return c
}

// Map returns the variables as a new map, of each name the last value.
func (e *Environ) Map() map[string]string {
	m := make(map[string]string, e.Len())
	maps.Insert(m, e.All())
	return m
}

// List returns the variables as "NAME=value", the form of exec.Cmd's Env, in a new slice. Of each
// name it has only the last variable: in a C program getenv would find the first. Left out are
// names that are empty or hold "=", which this form cannot say. A NUL byte stays, for the system to
// refuse: without, say, its PATH_INFO a script would answer another request than the one that was
// sent.
func (e *Environ) List() []string {
	list := make([]string, 0, e.Len())
	seen := make(map[string]bool, e.Len())
	for i := e.Len() - 1; i >= 0; i-- {
		v := e.vars[i]
		if v.name == "" || seen[v.name] || strings.Contains(v.name, "=") {
			continue
		}
		seen[v.name] = true
		list = append(list, v.name+"="+v.value)
	}
	slices.Reverse(list)
	return list
}

// lastIndex searches from the end: the last variable of a name counts.
func (e *Environ) lastIndex(name string) int {
	for i := e.Len() - 1; i >= 0; i-- {
		if e.vars[i].name == name {
			return i
		}
	}
	return -1
}

// deleteBefore removes the variables of that name whose index is below end.
func (e *Environ) deleteBefore(end int, name string) {
	if slices.IndexFunc(e.vars[:end], func(v variable) bool { return v.name == name }) < 0 {
		return
	}
	kept := e.vars[:0]
	for i, v := range e.vars {
		if i >= end || v.name != name {
			kept = append(kept, v)
		}
	}
	clear(e.vars[len(kept):]) // let go of the removed strings
	e.vars = kept
}
