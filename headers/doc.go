// Package headers is the ordered list of fields at the head of a response. It
// has the behaviour of Python's wsgiref.headers, and checks what goes in.
//
// A [Headers] keeps the order and the spelling of its fields, and finds them
// without regard to case, by ASCII rules alone. Every field is valid at all
// times, so that writing the list out cannot split or smuggle a response:
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
// Which fields make sense in a response is not decided here: Status,
// Transfer-Encoding and the other hop-by-hop fields are accepted. The response
// rules of package gateway refuse them. Nor is there a limit on size or number.
//
// # Coming from wsgiref
//
//	h = Headers(list)               New(fields...), which copies the fields
//	h[name], h.get(name)            Get, or Lookup to tell absent from empty
//	h.get_all(name)                 GetAll
//	h[name] = value                 Set: takes all of that name out, appends at the end
//	h.setdefault(name, value)       SetDefault
//	del h[name]                     Del
//	name in h, len(h)               Has, Len
//	h.keys(), h.values(), h.items() Keys, Values, Items, with repeats; All iterates
//	h.add_header(name, value, k=v)  AddHeader(name, value, Param{Name: k, Value: v})
//	str(h), bytes(h)                String; AppendTo leaves the blank line out
//
// Departures:
//
//   - Names and values are checked always and in full. CPython up to 3.13 checks
//     nothing. Later versions refuse control characters, but in the constructor
//     only while assertions are on, and take any other name.
//   - A lookup, or Del, of a name that is no token finds nothing. Later versions
//     of CPython raise an exception if it holds control characters.
//   - Names are compared by ASCII rules. Python's str.lower takes the Kelvin sign
//     for a k.
//   - White space around a value is dropped.
//   - A Headers owns its storage. wsgiref edits the list it was given.
//   - Bytes from 0x80 up are written as they are. wsgiref encodes as Latin-1 and
//     raises an exception for any other character.
//   - AddHeader writes a parameter with an empty value as name="", which wsgiref
//     cannot express: None and "" both give it the bare name. Here that is
//     [Param].Bare.
//   - AddHeader writes an empty value with parameters as the parameters alone.
//     wsgiref begins such a value with "; ".
//   - AddHeader takes the names of parameters as they are. wsgiref turns "_" into
//     "-" because a Python keyword cannot hold "-". A Go string can, and a name
//     that holds "_" could not be sent otherwise.
//   - AddHeader writes the value of a parameter that is not ASCII in the encoded
//     form name*=... (RFC 8187), which wsgiref leaves to the caller.
//
// # Admission
//
// Only what two packages of cgikit need, and only with a section of a
// specification or a server's quirk behind it, is added here. Parsing of single
// fields, dates and content negotiation are not.
package headers
