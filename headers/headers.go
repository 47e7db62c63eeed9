package headers

import (
	"iter"
	"slices"
)

// inlineFields is how many fields a Headers holds before it allocates. The
// head of a usual answer has three to six.
const inlineFields = 8

// Headers is an ordered list of valid fields, in which a name may occur more
// than once. It keeps the order and the spelling of its fields, and compares
// names without regard to case, by ASCII rules alone. The zero value is an empty
// list ready to use. Up to 8 fields are stored in the struct itself, so one that
// is embedded by value costs no allocation of its own.
//
// Every field is valid at all times, so that writing the list out cannot split
// or smuggle a response:
//
//   - A name is a token (RFC 9110 section 5.6.2): not empty, no space, no colon.
//   - A value holds no byte in 0x00-0x1F except HTAB, and not 0x7F. Bytes from
//     0x80 up are obs-text (RFC 9110 section 5.5) and pass unchanged, whether
//     they are UTF-8 or not.
//   - Spaces and tabs around a value are not part of it (RFC 9110 section 5.5)
//     and are dropped, so that what a recipient parses is what was stored.
//
// A field that breaks a rule is left out and never repaired. Set, SetDefault,
// Add and AddHeader return a [*FieldError], and the list keeps the first such
// error for [Headers.Err], which a server checks before it sends anything.
//
// A Headers does not decide which fields make sense in a response. It accepts
// Status, Transfer-Encoding and the other hop-by-hop fields, which the rules of
// gateway.ResponseWriter refuse. Neither size nor number is limited.
//
// These are the differences from wsgiref.headers.Headers, besides those of
// [Headers.AddHeader]:
//
//   - Names and values are checked always and in full. CPython up to 3.13 checks
//     nothing. Later versions refuse control characters, but in the constructor
//     only while assertions are on, and take any other name.
//   - A lookup, or Del, of a name that is not a valid token finds nothing. Later
//     versions of CPython raise an exception if it holds control characters.
//   - Python's str.lower takes the Kelvin sign for a k.
//   - wsgiref keeps white space around a value, and edits the list it was given.
//   - Bytes from 0x80 up are written as they are. wsgiref encodes as Latin-1 and
//     raises an exception for any other character.
//
// A Headers must not be copied once it is in use, because the copy may share
// storage with the original: use Clone. Assigning Headers{} empties it. Several
// goroutines may read a list at the same time while none changes it. Everything
// else needs the caller's lock.
type Headers struct {
	inline  [inlineFields]Field
	n       int     // how many of inline are in use, while spilled is nil
	spilled []Field // all the fields, from the first that found inline full
	err     error
}

// New returns a list of those given fields that are valid, in order, as copies.
// It cannot report the others: they are left out, and Err tells of the first.
func New(fields ...Field) *Headers {
	h := new(Headers)
	for _, f := range fields {
		_ = h.Add(f.Name, f.Value) // kept for Err
	}
	return h
}

// Get returns the value of the first field called name, and "" if there is
// none.
func (h *Headers) Get(name string) string {
	value, _ := h.Lookup(name)
	return value
}

// Lookup is Get that tells a field with an empty value from none.
func (h *Headers) Lookup(name string) (value string, ok bool) {
	for _, f := range h.fields() {
		if equalFold(f.Name, name) {
			return f.Value, true
		}
	}
	return "", false
}

// GetAll returns the values of all fields called name, in order, in a slice
// that belongs to the caller. It is nil if there are none.
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

// Set takes out all fields called name and appends one with the given value:
// a field that is replaced moves to the end. A field that is refused with a
// *FieldError changes nothing but Err.
func (h *Headers) Set(name, value string) error {
	f, err := h.admit(name, value)
	if err != nil {
		return err
	}
	h.Del(name)
	h.push(f)
	return nil
}

// SetDefault returns the value of the first field called name. If there is
// none it appends one with the given value and returns that value as stored.
// The given value is not looked at where a field exists; otherwise it may be
// refused with a *FieldError, and the value returned is "".
func (h *Headers) SetDefault(name, value string) (string, error) {
	if present, ok := h.Lookup(name); ok {
		return present, nil
	}
	f, err := h.admit(name, value)
	if err != nil {
		return "", err
	}
	h.push(f)
	return f.Value, nil
}

// Add appends a field, and leaves those of the same name in place. A field that
// is refused with a *FieldError changes nothing but Err.
func (h *Headers) Add(name, value string) error {
	f, err := h.admit(name, value)
	if err != nil {
		return err
	}
	h.push(f)
	return nil
}

// Del takes out all fields called name, if there are any.
func (h *Headers) Del(name string) {
	kept := len(slices.DeleteFunc(h.fields(), func(f Field) bool {
		return equalFold(f.Name, name)
	}))
	if h.spilled != nil {
		h.spilled = h.spilled[:kept]
	} else {
		h.n = kept
	}
}

// Len returns the number of fields; each repeat counts.
func (h *Headers) Len() int {
	return len(h.fields())
}

// Keys returns the names of all fields as they were spelled, in order and with
// repeats. The slice belongs to the caller.
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

// All iterates over the names and values of all fields, in order, and copies
// nothing. The list must not be changed until the loop ends; range over Items
// for that.
func (h *Headers) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for _, f := range h.fields() {
			if !yield(f.Name, f.Value) {
				return
			}
		}
	}
}

// Clone returns a list with the same fields and the same Err, which shares
// nothing with h.
func (h *Headers) Clone() *Headers {
	c := *h
	c.spilled = slices.Clone(h.spilled)
	return &c
}

// Err returns the first error for which a field was refused, a *FieldError, or
// nil. Nothing done to the list later takes it back: a response that was meant
// to have that field is not the response that was meant.
func (h *Headers) Err() error {
	return h.err
}

// AppendTo appends every field to b in its wire form, "Name: value" and CRLF,
// and returns the extended buffer. The blank line that ends a head is left to
// the caller, who may have fields to add. It allocates only to grow b.
func (h *Headers) AppendTo(b []byte) []byte {
	for _, f := range h.fields() {
		b = append(b, f.Name...)
		b = append(b, ": "...)
		b = append(b, f.Value...)
		b = append(b, "\r\n"...)
	}
	return b
}

// String returns the whole block in its wire form: what AppendTo writes, and
// the blank line.
func (h *Headers) String() string {
	return string(append(h.AppendTo(nil), "\r\n"...))
}

// fields returns the list itself, not a copy. What it returns is never stored in
// h: a pointer from h into h would move every Headers to the heap.
func (h *Headers) fields() []Field {
	if h.spilled != nil {
		return h.spilled
	}
	return h.inline[:h.n]
}

// push appends a field that was admitted.
func (h *Headers) push(f Field) {
	switch {
	case h.spilled != nil:
		h.spilled = append(h.spilled, f)
	case h.n < inlineFields:
		h.inline[h.n] = f
		h.n++
	default:
		h.spilled = make([]Field, 0, 2*inlineFields)
		h.spilled = append(append(h.spilled, h.inline[:]...), f)
	}
}

// admit returns the field as it is to be stored, or refuses it and keeps the
// error if it is the first.
func (h *Headers) admit(name, value string) (Field, error) {
	if reason := nameFault(name); reason != "" {
		return Field{}, h.refuse(name, value, reason)
	}
	if reason := valueFault(value); reason != "" {
		return Field{}, h.refuse(name, value, reason)
	}
	return Field{Name: name, Value: trimSpace(value)}, nil
}

// refuse makes the error and keeps it if it is the first.
func (h *Headers) refuse(name, value, reason string) error {
	err := &FieldError{Name: name, Value: value, Reason: reason}
	if h.err == nil {
		h.err = err
	}
	return err
}
