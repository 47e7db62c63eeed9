package exchange_test

import (
	"testing"

	"github.com/cgikit/cgikit/gateway/exchange"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"plain text\tand\nmore": "plain text\tand\nmore",
		"déjà vu 日本":            "déjà vu 日本",
		"\x1b[2J":               `\x1b[2J`,
		"a\rb\x00c\x7f":         `a\x0db\x00c\x7f`,
		"\u009b2J":              `\u009b2J`, // a C1 control: a terminal takes it for ESC [
		"user\u202etxt.exe":     `user\u202etxt.exe`,
		"\u2066isolate\u2069":   `\u2066isolate\u2069`,
		"\ufeffmark":            `\ufeffmark`,
		"\u2028separator":       `\u2028separator`,
		"\xff\xfe":              `\xff\xfe`,
		"\ufffd":                `\ufffd`,
		"\U000e0001tag":         `\U000e0001tag`,
		"\u00a0":                `\u00a0`, // looks like a space, and is not
	} {
		if got := exchange.Printable(in); got != want {
			t.Errorf("%q: got %q; want %q", in, got, want)
		}
	}
}
