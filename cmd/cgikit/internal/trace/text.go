package trace

import (
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/gateway/exchange"
)

// quoteCut makes s fit a line: controls are escaped, line ends too, and at most n bytes are shown.
func quoteCut(s string, n int) string {
	cut := ""
	if len(s) > n {
		s, cut = s[:n], "..."
	}
	s = exchange.Printable(s)
	if strings.ContainsAny(s, "\n\r\t") {
		s = lineBreaks.Replace(s)
	}
	return s + cut
}

var lineBreaks = strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)

// firstLine is the first line of s that is not blank.
func firstLine(s string) string {
	line, _, _ := strings.Cut(strings.TrimLeft(s, "\r\n"), "\n")
	return strings.TrimRight(line, "\r")
}

// Plural returns the number with the word, such as "1 variable" and "23 variables".
func Plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}
