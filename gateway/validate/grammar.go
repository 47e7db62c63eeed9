package validate

import (
	"net/netip"
	"strconv"
	"strings"
)

// The grammar of what is checked, written anew here: a checker that asked the code it checks would
// agree with its mistakes.

// isToken: RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isText: RFC 9110 section 5.5, field-content.
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isVisible: no tab, no byte above ASCII.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isPlainName is what wsgiref and Plack ask of the name of a field.
func isPlainName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && isLetter(s[0]) && isAlphanumeric(s[len(s)-1])
}

// isQuery: no byte that ends a query or a request line.
func isQuery(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// included is the SERVER_PROTOCOL of a server-side include (RFC 3875 section 4.1.16). REQUEST_URI
// is the including page's then.
const included = "INCLUDED"

// isProtocol: RFC 3875 section 4.1.16. The version may be one number, as in HTTP/2; INCLUDED is the
// one name that has none.
func isProtocol(s string) bool {
	name, _, versioned := strings.Cut(s, "/")
	return s == included || versioned && isToken(name) && isVersionOf(name, s)
}

// isVersionOf matches name, a slash and one or two numbers.
func isVersionOf(name, s string) bool {
	version, ok := strings.CutPrefix(s, name+"/")
	major, minor, dotted := strings.Cut(version, ".")
	return ok && isDigits(major) && (!dotted || isDigits(minor))
}

func isPort(s string) bool {
	n, ok := parseLength(s)
	return ok && n <= 65535
}

// isHost: RFC 3986 section 3.2.2, with something in it.
func isHost(s string) bool {
	if literal, ok := strings.CutPrefix(s, "["); ok {
		addr, err := netip.ParseAddr(strings.TrimSuffix(literal, "]"))
		return err == nil && addr.Is6() && strings.HasSuffix(literal, "]")
	}
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("-._~%!$&'()*+,;=", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isAuthority: a host, and a port where there is a colon (RFC 9110 section 7.2).
func isAuthority(s string) bool {
	host, port := s, "0"
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
	}
	return isHost(host) && (port == "" || isPort(port))
}

// parseLength: 1*DIGIT (RFC 9110 section 8.6), of a number that an int64 holds.
func parseLength(s string) (int64, bool) {
	if !isDigits(s) {
		return 0, false // before strconv makes an error of what is often just empty
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isAlphanumeric(c byte) bool { return isDigit(c) || isLetter(c) }
