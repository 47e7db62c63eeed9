package validate

import (
	"net/netip"
	"strconv"
	"strings"
)

// The grammar of the checked values. It is written independently of the other packages, because a
// checker that shares code with them would also share their mistakes.

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

// isText reports whether s is field-content (RFC 9110 section 5.5).
func isText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// isVisible reports whether s has only spaces and visible ASCII characters.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isPlainName reports whether s is a field name as wsgiref and Plack require it.
func isPlainName(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && s[i] != '-' && s[i] != '_' {
			return false
		}
	}
	return s != "" && isLetter(s[0]) && isAlphanumeric(s[len(s)-1])
}

// isQuery reports whether s has no byte that ends a query or a request line.
func isQuery(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '#' {
			return false
		}
	}
	return true
}

// included is the SERVER_PROTOCOL of a server-side include (RFC 3875 section 4.1.16). REQUEST_URI
// is then that of the including page.
const included = "INCLUDED"

// isProtocol reports whether s is a SERVER_PROTOCOL (RFC 3875 section 4.1.16). The version may be
// one number, as in HTTP/2. Only INCLUDED has no version.
func isProtocol(s string) bool {
	name, _, versioned := strings.Cut(s, "/")
	return s == included || versioned && isToken(name) && isVersionOf(name, s)
}

// isVersionOf reports whether s is name, a slash and one or two numbers.
func isVersionOf(name, s string) bool {
	version, ok := strings.CutPrefix(s, name+"/")
	major, minor, dotted := strings.Cut(version, ".")
	return ok && isDigits(major) && (!dotted || isDigits(minor))
}

func isPort(s string) bool {
	n, ok := parseLength(s)
	return ok && n <= 65535
}

// isHost reports whether s is a host (RFC 3986 section 3.2.2) that is not empty.
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

// isAuthority reports whether s is a host with an optional port (RFC 9110 section 7.2).
func isAuthority(s string) bool {
	host, port := s, "0"
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		host, port = s[:i], s[i+1:]
	}
	return isHost(host) && (port == "" || isPort(port))
}

// parseLength parses 1*DIGIT (RFC 9110 section 8.6) into an int64.
func parseLength(s string) (int64, bool) {
	if !isDigits(s) {
		return 0, false // s is often empty, and an error of strconv would allocate
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
