package gateway

import (
	"fmt"
	"strconv"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// The response rules: what a head may hold and which body goes with it. Every transport obeys them
// because every transport writes through [response]; nothing about status, fields or length is
// decided anywhere else.

// headBuffer is how many bytes of body may wait for the head: a response that fits gets its
// Content-Length, and a failure within it is still a proper 500. wsgiref commits at the first
// block; 4 KiB is what net/http keeps.
const headBuffer = 4 << 10

// unknownLength stands for a Content-Length that nobody declared.
const unknownLength = -1

// RuleError says which response rule an App broke. The response it broke is the error page.
type RuleError struct {
	Rule  string // what is wrong, such as "hop-by-hop field"
	Input string // the offending status or field, cut to 64 bytes
}

// Error tells it for a log: bad input is quoted and cut.
func (e *RuleError) Error() string { return fmt.Sprintf("gateway: %s: %q", e.Rule, e.Input) }

func ruleError(rule, input string) error {
	const most = 64
	if len(input) > most {
		input = input[:most]
	}
	return &RuleError{Rule: rule, Input: input}
}

// checkStatus accepts three digits from 100 to 999, a space and a reason of text (RFC 9112 section
// 4; RFC 3875 section 6.3.3). wsgiref accepts 099 too.
func checkStatus(s string) error {
	if len(s) < 4 || s[0] < '1' || s[0] > '9' || !isDigit(s[1]) || !isDigit(s[2]) || s[3] != ' ' {
		return ruleError("status is not three digits, a space and a reason", s)
	}
	for i := 4; i < len(s); i++ {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return ruleError("control character in status", s)
		}
	}
	return nil
}

// bodyAllowed reports whether a response with this status may have a body (RFC 9110 sections 6.4.1
// and 15.3.6).
func bodyAllowed(status string) bool {
	return status[0] != '1' && status[:3] != "204" && status[:3] != "205" && status[:3] != "304"
}

// checkFields refuses what an App must not say in a CGI response: Status is ours, and hop-by-hop
// fields belong to the connection between the web server and its client (RFC 3875 section 6.3.4; a
// Transfer-Encoding of the app's is the classic response smuggling). It returns the declared
// Content-Length, or unknownLength.
func checkFields(fields *headers.Headers) (length int64, err error) {
	if err := fields.Err(); err != nil {
		return 0, err
	}
	length = unknownLength
	for name, value := range fields.All() {
		switch {
		case equalFold(name, "Status"):
			return 0, ruleError("field is set by Start", name)
		case util.IsHopByHop(name):
			return 0, ruleError("hop-by-hop field", name)
		case !equalFold(name, "Content-Length"):
			continue
		case length != unknownLength:
			return 0, ruleError("more than one Content-Length", value)
		}
		if length, err = parseLength(value); err != nil {
			return 0, ruleError("malformed Content-Length", value)
		}
	}
	return length, nil
}

// parseLength reads 1*DIGIT (RFC 9110 section 8.6) and nothing else: no sign, no space, no
// overflow.
func parseLength(s string) (int64, error) {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseInt(s, 10, 64)
}

// dropEntityFields removes what describes a body from a response that has none. A Content-Length in
// a 204 is forbidden (RFC 9110 section 8.6), and servers disagree on one in a 304, so it goes too,
// as in net/http/fcgi.
func dropEntityFields(fields *headers.Headers) {
	fields.Del("Content-Type")
	fields.Del("Content-Length")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// equalFold compares field names, which are ASCII: strings.EqualFold would also match the Kelvin
// sign to k.
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
		c += 'a' - 'A'
	}
	return c
}
