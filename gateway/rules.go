package gateway

import (
	"fmt"
	"strconv"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// The response rules define what a head may contain and which responses have a body. They hold on
// every transport, because every transport writes through [response]. No other file makes decisions
// about status, fields or length.

// headBuffer is how many bytes of body are buffered before the head is committed. A response that
// fits gets a Content-Length, and if the App fails meanwhile, the client gets a 500. wsgiref
// commits the head at the first block; net/http buffers 4 KiB too.
const headBuffer = 4 << 10

// unknownLength means that no Content-Length is declared.
const unknownLength = -1

// RuleError reports which response rule an App broke. The client gets the error page.
type RuleError struct {
	Rule  string // the fault, such as "hop-by-hop field"
	Input string // the offending status or field, cut to 64 bytes
}

// Error returns the Rule and the quoted Input, for a log.
func (e *RuleError) Error() string { return fmt.Sprintf("gateway: %s: %q", e.Rule, e.Input) }

func ruleError(rule, input string) error {
	const most = 64
	if len(input) > most {
		input = input[:most]
	}
	return &RuleError{Rule: rule, Input: input}
}

// checkStatus returns an error unless s is three digits from 100 to 999, a space, and a reason
// without control characters other than tab (RFC 9112 section 4; RFC 3875 section 6.3.3). wsgiref
// accepts 099 too.
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

// checkFields returns an error for fields that an App must not send. Status is set only by Start.
// Hop-by-hop fields belong to the connection between the web server and its client (RFC 3875
// section 6.3.4); a Transfer-Encoding of the App allows response smuggling. checkFields also
// returns the declared Content-Length, or unknownLength.
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

// parseLength parses 1*DIGIT (RFC 9110 section 8.6). A sign, a space or an overflow is an error.
func parseLength(s string) (int64, error) {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, strconv.ErrSyntax
		}
	}
	return strconv.ParseInt(s, 10, 64)
}

// dropEntityFields removes the fields that describe a body from a response without one. A
// Content-Length in a 204 is forbidden (RFC 9110 section 8.6). In a 304 servers treat it
// differently, so it is removed too, as in net/http/fcgi.
func dropEntityFields(fields *headers.Headers) {
	fields.Del("Content-Type")
	fields.Del("Content-Length")
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// equalFold reports whether two field names are equal in ASCII without regard to case.
// strings.EqualFold would also match the Kelvin sign with k.
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
