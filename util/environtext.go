package util

import (
	"math"
	"slices"
)

// textVariables is how many variables an EnvironText has room for without a further allocation.
const textVariables = 36

// EnvironText is the memory of an [Environ] whose names and values are parts of one text, as the
// decoder of a protocol has it. It needs less than a third of the memory of [NewEnviron], and has
// no pointers but the one to the text. A server can make it a part of what it allocates for a
// request.
//
// The decoder calls Begin, then Add for each variable, and then Environ. When the Environ is
// changed, or has a text of 64 KiB or more, its variables move to memory of its own.
//
// An EnvironText must not be copied. It must not be used again for another request while anything
// may still have the Environ; the text, and so the strings of the Environ, stay valid in any case.
type EnvironText struct {
	environ Environ
	text    string
	n       int
	lengths uint64 // bit i: a name has the length i, modulo 64
	parts   [textVariables]span
	more    []span // after those in parts
}

// span is where a variable is in the text.
type span struct{ name, nameEnd, value, valueEnd uint16 }

// Begin makes the Environ an empty one, whose variables will be parts of text.
func (t *EnvironText) Begin(text string) {
	t.text, t.n, t.lengths, t.more = text, 0, 0, nil
	t.environ.vars, t.environ.text = nil, nil
	if len(text) <= math.MaxUint16 {
		t.environ.text = t
	}
}

// Add appends the variable with the name text[name:nameEnd] and the value text[value:valueEnd]. The
// offsets must be within the text.
func (t *EnvironText) Add(name, nameEnd, value, valueEnd int) {
	if t.environ.text == nil {
		t.environ.Add(t.text[name:nameEnd], t.text[value:valueEnd])
		return
	}
	p := span{uint16(name), uint16(nameEnd), uint16(value), uint16(valueEnd)}
	if t.n < textVariables {
		t.parts[t.n] = p
	} else {
		if t.more == nil {
			t.more = make([]span, 0, textVariables)
		}
		t.more = append(t.more, p)
	}
	t.n++
	t.lengths |= lengthBit(nameEnd - name)
}

func lengthBit(n int) uint64 { return 1 << (n & 63) }

// Environ returns the Environ, which is a part of t.
func (t *EnvironText) Environ() *Environ { return &t.environ }

// at returns the variable of index i, below n.
func (t *EnvironText) at(i int) (name, value string) {
	p := t.span(i)
	return t.text[p.name:p.nameEnd], t.text[p.value:p.valueEnd]
}

func (t *EnvironText) span(i int) *span {
	if i < textVariables {
		return &t.parts[i]
	}
	return &t.more[i-textVariables]
}

// lookup is Environ.Lookup. A server looks for variables that most requests do not have, and often
// no name has their length.
func (t *EnvironText) lookup(name string) (string, bool) {
	if t.lengths&lengthBit(len(name)) == 0 {
		return "", false
	}
	p := t.last(t.more, name)
	if p == nil {
		p = t.last(t.parts[:min(t.n, textVariables)], name)
	}
	if p == nil {
		return "", false
	}
	return t.text[p.value:p.valueEnd], true
}

// last returns the last of the parts that is called name, or nil. It compares lengths first, which
// differ for most names.
func (t *EnvironText) last(parts []span, name string) *span {
	for i := len(parts) - 1; i >= 0; i-- {
		p := &parts[i]
		if int(p.nameEnd-p.name) == len(name) && t.text[p.name:p.nameEnd] == name {
			return p
		}
	}
	return nil
}

// clone is Environ.Clone.
func (t *EnvironText) clone() *Environ {
	c := &EnvironText{text: t.text, n: t.n, lengths: t.lengths, parts: t.parts, more: slices.Clone(t.more)}
	c.environ.text = c
	return &c.environ
}
