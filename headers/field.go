package headers

import (
	"strconv"
	"strings"
)

// Field is one field of a head: a name and a value. A Field by itself is
// unchecked; those that come out of a Headers are valid.
type Field struct {
	Name  string
	Value string
}

// maxQuoted is how many bytes of a name or a value an error message quotes:
// enough to recognise it by, and too little to flood a log.
const maxQuoted = 64

// FieldError says why a field was refused.
type FieldError struct {
	Name   string // the field's name, whole, as it was given
	Value  string // the field's value, whole, as it was given; for AddHeader without the parameters
	Reason string // the rule that was broken and where, for people
}

// Error quotes name and value, each cut to its first 64 bytes, and gives the
// reason.
func (e *FieldError) Error() string {
	return "headers: field " + quote(e.Name) + " with value " + quote(e.Value) + " refused: " + e.Reason
}

// quote is %q, cut to maxQuoted bytes of s.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "..."
	}
	return strconv.Quote(s)
}

// nameFault says what keeps s from being a token (RFC 9110 section 5.6.2), or
// returns "".
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

// valueFault says what keeps s from being a field value, white space around it
// aside, or returns "". RFC 9110 section 5.5 forbids CR, LF and NUL, and lets a
// recipient refuse the other controls: no server passes them on alike.
func valueFault(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7F {
			return "byte " + strconv.Itoa(i) + " of the value, " + strconv.Quote(s[i:i+1]) + ", is a control character"
		}
	}
	return ""
}

// isTokenByte tells tchar, RFC 9110 section 5.6.2.
func isTokenByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		return true
	}
	return strings.IndexByte("!#$%&'*+.^_`|~", c) >= 0
}

// trimSpace drops OWS (RFC 9110 section 5.6.3), which is less than Unicode's
// white space: the last byte of a Latin-1 value may be 0xA0.
func trimSpace(s string) string {
	return strings.Trim(s, " \t")
}

// equalFold compares names byte by byte. strings.EqualFold would find the field
// K under the Kelvin sign.
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
