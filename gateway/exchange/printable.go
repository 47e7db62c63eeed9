package exchange

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printable returns s for a log, with unprintable characters escaped as in Go, so that they cannot
// control a terminal or mislead a reader. It escapes control characters, C1 controls too, bytes
// that are not UTF-8 (CVE-2024-9026), and characters that change the direction of text. Spaces,
// tabs and line ends are not changed.
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

// needsEscape reports whether r is escaped. It includes the replacement character, to which a byte
// that is not UTF-8 decodes.
func needsEscape(r rune) bool {
	return r == utf8.RuneError || r != '\t' && r != '\n' && !unicode.IsPrint(r)
}
