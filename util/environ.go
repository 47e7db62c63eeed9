package util

import (
	"iter"
	"maps"
	"slices"
	"strings"
)

// inlineVariables is how many variables NewEnviron has room for: as many as the runtime's size
// class of 1,152 bytes allows on 64-bit systems, where the allocator has a header of 8 bytes.
// nginx's stock fastcgi_params have 19 variables, and a browser's fields add about twelve.
const inlineVariables = 34

// Environ is the ordered list of meta-variables of one request (RFC 3875 section 4.1), wsgiref's
// environ. Names and values are the bytes that the web server sent: they are not decoded, and names
// are compared byte for byte on every system. A name may occur more than once, for example if nginx
// sends a setting and its override; Get and Lookup return the last value.
//
// The zero value is empty and ready to use, and a nil *Environ reads as an empty one. An Environ
// must not be copied after first use: Clone it. Any number of goroutines may read it at the same
// time, but none while another modifies it.
type Environ struct {
	_    noCopy
	vars []variable
	text *EnvironText // if not nil, it has the variables, and vars is nil
}

type variable struct{ name, value string }

// noCopy makes go vet report copies: a copy would share the variables of the original.
type noCopy struct{}

func (*noCopy) Lock()   {}
func (*noCopy) Unlock() {}

// NewEnviron returns an empty Environ. It is one allocation, with room for 34 variables in it.
func NewEnviron() *Environ {
	r := new(roomyEnviron)
	r.vars = r.room[:0]
	return &r.Environ
}

// roomyEnviron is what NewEnviron allocates.
type roomyEnviron struct {
	Environ
	room [inlineVariables]variable
}

// EnvironFromMap returns an Environ with the entries of m, sorted by name.
func EnvironFromMap(m map[string]string) *Environ {
	e := NewEnviron()
	e.Grow(len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		e.Add(name, m[name])
	}
	return e
}

// EnvironFromList returns an Environ of entries "NAME=value" in their order. os.Environ and the Env
// of exec.Cmd have this form. An entry without "=" or without a name is left out; Windows has such
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

// Get returns the last value of the variable called name, "" if it is not set.
func (e *Environ) Get(name string) string {
	value, _ := e.Lookup(name)
	return value
}

// Lookup returns the last value of the variable called name, and whether it is set. An empty value
// differs from a variable that is not set.
func (e *Environ) Lookup(name string) (string, bool) {
	if e != nil && e.text != nil {
		return e.text.lookup(name)
	}
	if i := e.lastIndex(name); i >= 0 {
		return e.vars[i].value, true
	}
	return "", false
}

// Set makes value the only value of name. The last variable of the name keeps its place and earlier
// ones are removed; a new name is appended.
func (e *Environ) Set(name, value string) {
	last := e.lastIndex(name)
	if last < 0 {
		e.Add(name, value)
		return
	}
	e.unpack(0)
	e.vars[last].value = value
	e.deleteBefore(last, name)
}

// Add appends a variable, even if the name is set already. It does not check the name: the decoder
// of a protocol refuses names that the protocol forbids.
func (e *Environ) Add(name, value string) {
	if e.vars == nil {
		e.unpack(1)
	}
	e.vars = append(e.vars, variable{name, value})
}

// Grow makes room for n more variables, so that adding them allocates at most once. It does nothing
// if n is negative.
func (e *Environ) Grow(n int) {
	if e.vars == nil {
		e.unpack(max(n, 0))
	}
	if n <= cap(e.vars)-len(e.vars) {
		return
	}
	// doubled, so that many small steps stay cheap
	vars := make([]variable, len(e.vars), max(len(e.vars)+n, 2*cap(e.vars)))
	copy(vars, e.vars)
	e.vars = vars
}

// Del removes every variable called name.
func (e *Environ) Del(name string) {
	if e.Len() > 0 {
		e.deleteBefore(e.Len(), name)
	}
}

// Len returns the number of variables, repeated names included.
func (e *Environ) Len() int {
	switch {
	case e == nil:
		return 0
	case e.text != nil:
		return e.text.n
	}
	return len(e.vars)
}

// at returns the variable of index i, below Len.
func (e *Environ) at(i int) (name, value string) {
	if e.text != nil {
		return e.text.at(i)
	}
	return e.vars[i].name, e.vars[i].value
}

// All ranges over names and values in order, repeated names included. The loop body may Set a name
// that occurs once. After Add, Del or another Set it is not specified which variables the rest of
// the loop gets. A loop that makes such changes must range over a Clone.
func (e *Environ) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := 0; i < e.Len(); i++ {
			if !yield(e.at(i)) {
				return
			}
		}
	}
}

// Clone returns a copy of e that can be modified independently. It makes one allocation for up to
// 34 variables, and otherwise two.
func (e *Environ) Clone() *Environ {
	if e != nil && e.text != nil {
		return e.text.clone()
	}
	c := NewEnviron()
	if e.Len() > 0 {
		c.Grow(len(e.vars))
		c.vars = append(c.vars, e.vars...)
	}
	return c
}

// Map returns the variables as a new map, with the last value of each name.
func (e *Environ) Map() map[string]string {
	m := make(map[string]string, e.Len())
	maps.Insert(m, e.All())
	return m
}

// List returns the variables as "NAME=value", the form of exec.Cmd's Env, in a new slice. It has
// only the last variable of each name, because getenv in a C program would find the first. It
// leaves out names that are empty or contain "=", which this form cannot express. It does not leave
// out a variable with a NUL byte, which makes the system refuse to start the script: without its
// PATH_INFO, for example, a script would answer a different request.
func (e *Environ) List() []string {
	list := make([]string, 0, e.Len())
	seen := make(map[string]bool, e.Len())
	for i := e.Len() - 1; i >= 0; i-- {
		name, value := e.at(i)
		if name == "" || seen[name] || strings.Contains(name, "=") {
			continue
		}
		seen[name] = true
		list = append(list, name+"="+value)
	}
	slices.Reverse(list)
	return list
}

// lastIndex returns the index of the last variable called name, or -1.
func (e *Environ) lastIndex(name string) int {
	for i := e.Len() - 1; i >= 0; i-- {
		if each, _ := e.at(i); each == name {
			return i
		}
	}
	return -1
}

// deleteBefore removes the variables called name whose index is below end.
func (e *Environ) deleteBefore(end int, name string) {
	if !e.hasBefore(end, name) {
		return
	}
	e.unpack(0)
	kept := e.vars[:0]
	for i, v := range e.vars {
		if i >= end || v.name != name {
			kept = append(kept, v)
		}
	}
	clear(e.vars[len(kept):]) // frees the removed strings
	e.vars = kept
}

// hasBefore reports whether a variable called name has an index below end.
func (e *Environ) hasBefore(end int, name string) bool {
	for i := range end {
		if each, _ := e.at(i); each == name {
			return true
		}
	}
	return false
}

// unpack prepares vars for a change, with room for n more variables. It copies the variables of a
// text into it.
func (e *Environ) unpack(n int) {
	if e.vars != nil {
		return
	}
	e.vars = make([]variable, 0, max(e.Len()+n, inlineVariables))
	for name, value := range e.All() {
		e.vars = append(e.vars, variable{name, value})
	}
	e.text = nil
}
