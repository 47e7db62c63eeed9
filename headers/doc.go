// Package headers has an ordered list of the fields in the head of a response. The list behaves
// like Python's wsgiref.headers, and also checks every field.
//
// [Headers] is the list; its zero value is empty and ready to use. [New] makes a list of given
// fields. Set, Add and AddHeader return a [*FieldError] for a field that would allow response
// splitting or smuggling. [Headers.Err] returns the first such error.
//
//	var h headers.Headers
//	h.Set("Content-Type", "text/plain")
//	name := headers.Param{Name: "filename", Value: "é.txt"}
//	h.AddHeader("Content-Disposition", "attachment", name)
//	os.Stdout.WriteString(h.String())
//
// testdata/wsgiref.txt has the counterpart of each name of wsgiref.headers. Headers and
// [Headers.AddHeader] list the differences.
//
// A name is added to this package only if two packages of cgikit need it and a
// section of a specification, or a server's quirk, requires it. Parsing of single
// fields, dates and content negotiation are not part of it.
package headers
