package headers

import "strings"

// Param is one parameter of a field's value, as AddHeader writes it:
// name="value".
type Param struct {
	Name  string // a token that does not end in "*"
	Value string // as it is meant: AddHeader quotes and encodes
	Bare  bool   // the name stands alone, as in "Secure"; Value is not looked at
}

// AddHeader appends a field whose value is the given value and parameters,
// joined by "; ". An empty value is left out, so that the parameters come
// first. Like Add it leaves fields of the same name in place.
//
// A parameter is written in one of three ways:
//
//   - Bare: the name alone.
//   - A value of ASCII: always as a quoted-string (RFC 9110 section 5.6.4), with
//     a backslash before each " and \.
//   - Any other value: as name*= and the value percent-encoded as UTF-8 (RFC 8187
//     section 3.2). Each run of bytes that is not UTF-8 becomes one U+FFFD: such
//     a value comes from a file system or a database, and a name with one odd
//     character is more use than no answer. The parameter called filename is
//     written twice, first as an ASCII string for old recipients, in which "_"
//     stands for every character outside ASCII and for ", \ and %, which those
//     read differently (RFC 6266 appendix D).
//
// Names of parameters must be tokens. One that ends in "*" is refused, because
// it announces the encoded form, which is AddHeader's to choose. Control
// characters except HTAB are refused in values. What is refused is the field as
// a whole, with a *FieldError that changes nothing but Err.
//
// wsgiref's add_header differs in these points:
//
//   - None and "" as the value of a parameter both give its bare name. Here an
//     empty value is written name="", and the bare name is [Param].Bare.
//   - An empty value that is not None leaves "; " before the parameters.
//   - "_" in the name of a parameter becomes "-", because a Python keyword cannot
//     hold "-". A Go string can, and a name that holds "_" could not be sent
//     otherwise.
//   - A value that is not ASCII is not encoded.
func (h *Headers) AddHeader(name, value string, params ...Param) error {
	f, err := h.admit(name, value)
	if err != nil {
		return err
	}
	b := []byte(f.Value)
	for _, p := range params {
		if reason := p.fault(); reason != "" {
			return h.refuse(name, value, reason)
		}
		b = p.appendTo(b)
	}
	f.Value = string(b)
	h.push(f)
	return nil
}

// fault says why a parameter cannot be written, or returns "".
func (p Param) fault() string {
	reason := nameFault(p.Name)
	if reason == "" && strings.HasSuffix(p.Name, "*") {
		reason = `the name ends in "*"`
	}
	if reason == "" && !p.Bare {
		reason = valueFault(p.Value)
	}
	if reason == "" {
		return ""
	}
	return "in parameter " + quote(p.Name) + " with value " + quote(p.Value) + ": " + reason
}

// appendTo writes the parameter to the end of a field value.
func (p Param) appendTo(b []byte) []byte {
	switch {
	case p.Bare:
		return append(appendSeparator(b), p.Name...)
	case isASCII(p.Value):
		return appendQuoted(b, p.Name, p.Value)
	}
	text := strings.ToValidUTF8(p.Value, "\uFFFD")
	if equalFold(p.Name, "filename") {
		b = appendQuoted(b, p.Name, strings.Map(fallbackRune, text))
	}
	return appendExtended(b, p.Name, text)
}

// appendSeparator makes room for one more part of the value.
func appendSeparator(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	return append(b, "; "...)
}

// appendQuoted writes name="value", RFC 9110 section 5.6.4.
func appendQuoted(b []byte, name, value string) []byte {
	b = append(appendSeparator(b), name...)
	b = append(b, `="`...)
	for i := range len(value) {
		if c := value[i]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return append(b, '"')
}

// appendExtended writes an ext-value, RFC 8187 section 3.2.1. The language between
// its two quotes is left empty.
func appendExtended(b []byte, name, text string) []byte {
	const hex = "0123456789ABCDEF"
	b = append(appendSeparator(b), name...)
	b = append(b, "*=UTF-8''"...)
	for i := range len(text) {
		if c := text[i]; isAttrByte(c) {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// isAttrByte tells attr-char, RFC 8187 section 3.2.1: a token's characters
// without the three that delimit an ext-value.
func isAttrByte(c byte) bool {
	return isTokenByte(c) && c != '*' && c != '\'' && c != '%'
}

// fallbackRune keeps of a file name what recipients without RFC 8187 read
// alike.
func fallbackRune(r rune) rune {
	if r >= 0x80 || r == '"' || r == '\\' || r == '%' {
		return '_'
	}
	return r
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
