package exchange

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s for a log: what is not printable is written as Go escapes it, so that a
// terminal or a reader of the log takes nothing for something else. That is controls, C1 controls
// and bytes that are not UTF-8 among them (CVE-2024-9026), and what changes the direction of text.
// Spaces, tabs and line ends stay.
func Printable(s string) string {
	if !strings.ContainsFunc(s, needsEscape) {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1, needsEscape(r) && r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case needsEscape(r) && r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		case needsEscape(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// needsEscape is true for the replacement character too, by which a range over a string shows a
// byte that is not UTF-8.
func needsEscape(r rune) bool {
	return r == utf8.RuneError || r != '\t' && r != '\n' && !unicode.IsPrint(r)
}
