package headers

import "strings"

// Param is one parameter of a field's value, as AddHeader writes it:
// name="value".
type Param struct {
	Name  string // a token that does not end in "*"
	Value string // neither quoted nor encoded: AddHeader does both
	Bare  bool   // only the name is written, as in "Secure"; Value is ignored
}

// AddHeader appends a field whose value is the given value and parameters, joined by "; ". An empty
// value is left out, so that the field begins with the parameters. Like Add, AddHeader keeps fields
// of the same name.
//
// A parameter is written in one of three ways:
//
//   - Bare: only the name.
//   - A value of ASCII: always as a quoted-string (RFC 9110 section 5.6.4), with
//     a backslash before each " and \.
//   - Any other value: as name*= and the value in UTF-8, percent-encoded (RFC 8187 section 3.2).
//     Each run of bytes that is not UTF-8 becomes one U+FFFD: such a value comes from a file system
//     or a database, and a name with one wrong character is more useful than an error. The
//     parameter called filename is written twice, first as an ASCII string for old recipients. In
//     that string "_" replaces every character outside ASCII, and the characters ", \ and %, which
//     old recipients interpret differently (RFC 6266 appendix D).
//
// Names of parameters must be tokens that do not end in "*", because that means the encoded form,
// which AddHeader chooses itself. Values must not have control characters except HTAB. Otherwise
// the complete field is refused with a *FieldError, and only Err changes.
//
// wsgiref's add_header differs in these points:
//
//   - In wsgiref both None and "" as the value of a parameter give its bare name. Here an empty
//     value is written name="", and [Param].Bare gives the bare name.
//   - In wsgiref an empty value that is not None leaves "; " before the parameters.
//   - wsgiref changes "_" in the name of a parameter to "-", because a Python keyword cannot
//     contain "-". Here the name is not changed, so that a name with "_" can be sent.
//   - wsgiref does not encode a value that is not ASCII.
func (h *Headers) AddHeader(name, value string, params ...Param) error {
	f, err := h.newField(name, value)
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
	h.appendField(f)
	return nil
}

// fault returns why a parameter cannot be written, or "" if it can.
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

// appendTo appends the parameter to a field value.
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

// appendSeparator appends "; ", unless b is empty.
func appendSeparator(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	return append(b, "; "...)
}

// appendQuoted appends name="value" (RFC 9110 section 5.6.4).
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

// appendExtended appends an ext-value (RFC 8187 section 3.2.1), with an empty language between its
// two quotes.
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

// isAttrByte reports whether c is an attr-char (RFC 8187 section 3.2.1): a character of a token,
// except the three that delimit an ext-value.
func isAttrByte(c byte) bool {
	return isTokenByte(c) && c != '*' && c != '\'' && c != '%'
}

// fallbackRune replaces the characters of a file name that recipients without RFC 8187 interpret
// differently.
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
