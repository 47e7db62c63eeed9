package headers

import (
	"iter"
	"slices"
)

// inlineFields is how many fields a Headers holds before it allocates. The head of a usual response
// has three to six.
const inlineFields = 8

// Headers is an ordered list of valid fields, in which a name may occur more than once. It keeps
// the order and the spelling of its fields, and compares names in ASCII without regard to case. The
// zero value is an empty list ready to use. Up to 8 fields are stored in the struct itself, so a
// Headers that is embedded by value needs no further allocation.
//
// Every field in the list is valid, so that the written list does not allow response splitting or
// smuggling:
//
//   - A name is a token (RFC 9110 section 5.6.2): not empty, no space, no colon.
//   - A value has no byte in 0x00-0x1F except HTAB, and not 0x7F. Bytes from 0x80 up are obs-text
//     (RFC 9110 section 5.5) and are not changed, whether they are UTF-8 or not.
//   - Spaces and tabs around a value are not part of it (RFC 9110 section 5.5) and are dropped, so
//     that a recipient parses exactly the stored value.
//
// A field that breaks a rule is not added, and never repaired. Set, SetDefault, Add and AddHeader
// return a [*FieldError] for it. The list keeps the first such error for [Headers.Err], which a
// server checks before it sends the head.
//
// A Headers does not check which fields make sense in a response. It accepts Status,
// Transfer-Encoding and the other hop-by-hop fields, which gateway.ResponseWriter refuses. It does
// not limit the size and the number of fields.
//
// In addition to those of [Headers.AddHeader], these are the differences from
// wsgiref.headers.Headers:
//
//   - Names and values are always checked completely. CPython up to 3.13 checks nothing. Later
//     versions refuse control characters, but in the constructor only while assertions are enabled,
//     and accept any other name.
//   - A lookup, or Del, of a name that is not a valid token finds nothing. Later versions of
//     CPython raise an exception if the name has control characters.
//   - Python's str.lower converts the Kelvin sign to k.
//   - wsgiref keeps white space around a value, and modifies the list that it was given.
//   - Bytes from 0x80 up are written unchanged. wsgiref encodes characters as Latin-1 and raises an
//     exception for any other character.
//
// A Headers must not be copied after its first use, because the copy may share storage with the
// original: use Clone. Assigning Headers{} empties it. Several goroutines may read a list at the
// same time if none changes it. Otherwise the caller must use a lock.
type Headers struct {
	inline   [inlineFields]Field
	n        int     // how many of inline are in use, while overflow is nil
	overflow []Field // all fields, if there were ever more than inline can hold
	err      error
}

// New returns a list of copies of the valid fields, in order. It leaves out the others, and Err
// reports the first of them.
func New(fields ...Field) *Headers {
	h := new(Headers)
	for _, f := range fields {
		_ = h.Add(f.Name, f.Value) // kept for Err
	}
	return h
}

// Get returns the value of the first field called name, or "" without such a field.
func (h *Headers) Get(name string) string {
	value, _ := h.Lookup(name)
	return value
}

// Lookup returns the value of the first field called name, and whether there is such a field.
func (h *Headers) Lookup(name string) (value string, ok bool) {
	for _, f := range h.fields() {
		if equalFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}

// GetAll returns the values of all fields called name, in order, or nil without such a field. The
// slice belongs to the caller.
func (h *Headers) GetAll(name string) []string {
	var values []string
	for _, f := range h.fields() {
		if equalFold(f.Name, name) {
			values = append(values, f.Value)
		}
	}
	return values
}

// Has reports whether there is a field called name.
func (h *Headers) Has(name string) bool {
	_, ok := h.Lookup(name)
	return ok
}

// Set removes all fields called name and appends one with the given value: a field that is replaced
// moves to the end. If the field is refused with a *FieldError, only Err changes.
func (h *Headers) Set(name, value string) error {
	f, err := h.newField(name, value)
	if err != nil {
		return err
	}
	h.Del(name)
	h.appendField(f)
	return nil
}

// SetDefault returns the value of the first field called name. Without such a field, it appends one
// with the given value and returns the value as stored. If that field is refused, it returns "" and
// a *FieldError. The given value is not checked if a field exists.
func (h *Headers) SetDefault(name, value string) (string, error) {
	if present, ok := h.Lookup(name); ok {
		return present, nil
	}
	f, err := h.newField(name, value)
	if err != nil {
		return "", err
	}
	h.appendField(f)
	return f.Value, nil
}

// Add appends a field, and keeps those of the same name. If the field is refused with a
// *FieldError, only Err changes.
func (h *Headers) Add(name, value string) error {
	f, err := h.newField(name, value)
	if err != nil {
		return err
	}
	h.appendField(f)
	return nil
}

// Del removes all fields called name.
func (h *Headers) Del(name string) {
	kept := len(slices.DeleteFunc(h.fields(), func(f Field) bool {
		return equalFold(f.Name, name)
	}))
	if h.overflow != nil {
		h.overflow = h.overflow[:kept]
	} else {
		h.n = kept
	}
}

// Len returns the number of fields, repeated names included.
func (h *Headers) Len() int {
	return len(h.fields())
}

// Keys returns the names of all fields in their original spelling, in order, repeated names
// included. The slice belongs to the caller.
func (h *Headers) Keys() []string {
	keys := make([]string, 0, h.Len())
	for _, f := range h.fields() {
		keys = append(keys, f.Name)
	}
	return keys
}

// Values returns the values of all fields, in order. The slice belongs to the
// caller.
func (h *Headers) Values() []string {
	values := make([]string, 0, h.Len())
	for _, f := range h.fields() {
		values = append(values, f.Value)
	}
	return values
}

// Items returns all fields, in order. The slice is a copy that belongs to the
// caller, so the list may be changed while ranging over it.
func (h *Headers) Items() []Field {
	return slices.Clone(h.fields())
}

// All iterates over the names and values of all fields, in order, without a copy. The list must not
// be changed until the loop ends. A loop that changes it must range over Items.
func (h *Headers) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, f := range h.fields() {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

// Clone returns a list with the same fields and the same Err, which shares no storage with h.
func (h *Headers) Clone() *Headers {
	c := *h
	c.overflow = slices.Clone(h.overflow)
	return &c
}

// Err returns the first error for which a field was refused, a *FieldError, or nil. Later changes
// of the list do not reset it, because the list then still differs from the one that the caller
// intended.
func (h *Headers) Err() error {
	return h.err
}

// AppendTo appends every field to b in its wire form, "Name: value" and CRLF, and returns the
// extended buffer. It does not append the blank line that ends a head, since the caller may add
// fields. It allocates only to grow b.
func (h *Headers) AppendTo(b []byte) []byte {
	for _, f := range h.fields() {
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	return b
}

// String returns the wire form of all fields, as AppendTo writes them, and the blank line.
func (h *Headers) String() string {
	return string(append(h.AppendTo(nil), "\r\n"...))
}

// fields returns the list itself, not a copy. The result must not be stored in h: a pointer from h
// into h would move every Headers to the heap.
func (h *Headers) fields() []Field {
	if h.overflow != nil {
		return h.overflow
	}
	return h.inline[:h.n]
}

// appendField appends a field that newField has returned.
func (h *Headers) appendField(f Field) {
	switch {
	case h.overflow != nil:
		h.overflow = append(h.overflow, f)
	case h.n < inlineFields:
		h.inline[h.n] = f
		h.n++
	default:
		h.overflow = make([]Field, 0, 2*inlineFields)
		h.overflow = append(append(h.overflow, h.inline[:]...), f)
	}
}

// newField returns a valid field in the form in which it is stored, or refuses it.
func (h *Headers) newField(name, value string) (Field, error) {
	if reason := nameFault(name); reason != "" {
		return Field{}, h.refuse(name, value, reason)
	}
	if reason := valueFault(value); reason != "" {
		return Field{}, h.refuse(name, value, reason)
	}
	return Field{Name: name, Value: trimSpace(value)}, nil
}

// refuse returns the error for a field, and keeps it for Err if it is the first.
func (h *Headers) refuse(name, value, reason string) error {
	err := &FieldError{Name: name, Value: value, Reason: reason}
	if h.err == nil {
		h.err = err
	}
	return err
}
