// Package headers is the ordered list of fields at the head of a response. It
// has the behaviour of Python's wsgiref.headers, and checks what goes in.
//
// [Headers] is the list; its zero value is empty and ready to use, and [New]
// makes one of given fields. Set, Add and AddHeader return a [*FieldError] for a
// field that would split or smuggle a response, and [Headers.Err] keeps it.
//
//	var h headers.Headers
//	h.Set("Content-Type", "text/plain")
//	name := headers.Param{Name: "filename", Value: "é.txt"}
//	h.AddHeader("Content-Disposition", "attachment", name)
//	os.Stdout.WriteString(h.String())
//
// testdata/wsgiref.txt has the counterpart of each name of wsgiref.headers. What
// is different here is listed at Headers and at [Headers.AddHeader].
//
// A name is added to this package only if two packages of cgikit need it and a
// section of a specification, or a server's quirk, requires it. Parsing of single
// fields, dates and content negotiation are not part of it.
package headers
