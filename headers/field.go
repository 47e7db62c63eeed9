package headers

import (
	"strconv"
	"strings"
)

// Field is one field of a head: a name and a value. A Field by itself is not checked; each one that
// a Headers returns is valid.
type Field struct {
	Name  string
	Value string
}

// maxQuoted is how many bytes of a name or a value an error message quotes: enough to recognise it,
// and too few to flood a log.
const maxQuoted = 64

// FieldError reports why a field was refused.
type FieldError struct {
	Name   string // the field's complete name, as given
	Value  string // the field's complete value, as given; for AddHeader without the parameters
	Reason string // the broken rule and the place, as text for people
}

// Error returns a text with the reason and the quoted name and value, each cut to its first 64
// bytes.
func (e *FieldError) Error() string {
	return "headers: field " + quote(e.Name) + " with value " + quote(e.Value) + " refused: " + e.Reason
}

// quote returns the first maxQuoted bytes of s, quoted as by %q.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "..."
	}
	return strconv.Quote(s)
}

// nameFault returns why s is not a token (RFC 9110 section 5.6.2), or "" if it is one.
func nameFault(s string) string {
	if s == "" {
		return "the name is empty"
	}
	for i := range len(s) {
		if !isTokenByte(s[i]) {
			return "byte " + strconv.Itoa(i) + " of the name, " + strconv.Quote(s[i:i+1]) + ", is not allowed in a token"
		}
	}
	return ""
}

// valueFault returns why s is not a field value, apart from white space around it, or "" if it is
// one. RFC 9110 section 5.5 forbids CR, LF and NUL. It allows a recipient to refuse the other
// control characters, which every server handles differently.
func valueFault(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7F {
			return "byte " + strconv.Itoa(i) + " of the value, " + strconv.Quote(s[i:i+1]) + ", is a control character"
		}
	}
	return ""
}

// isTokenByte reports whether c is a tchar (RFC 9110 section 5.6.2).
func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		return true
	}
	return strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0
}

// trimSpace removes OWS (RFC 9110 section 5.6.3) around s. It does not remove other white space of
// Unicode: the last byte of a Latin-1 value may be 0xA0.
func trimSpace(s string) string {
	return strings.Trim(s, " \t")
}

// equalFold reports whether two names are equal in ASCII without regard to case. strings.EqualFold
// would also match the Kelvin sign with k.
func equalFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + ('a' - 'A')
	}
	return c
}
