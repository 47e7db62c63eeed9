package validate

import (
	"strconv"
	"strings"
)

// isTarget reports whether uri has one of the four forms of RFC 9112 section 3.2, and one that the
// method allows.
func isTarget(method, uri string) bool {
	switch {
	case uri == "" || !isQuery(uri):
		return false
	case method == "CONNECT":
		return isAuthority(uri)
	case uri == "*":
		return method == "OPTIONS"
	case uri[0] == '/':
		return true
	}
	scheme, _, ok := strings.Cut(uri, "://")
	return ok && isToken(scheme)
}

// targetPath returns the path of a valid target as the client sent it. ok is false for a form
// without a path.
func targetPath(method, uri string) (path string, ok bool) {
	if method == "CONNECT" || uri == "*" {
		return "", false
	}
	path, _, _ = strings.Cut(uri, "?")
	if path[0] != '/' {
		_, path, _ = strings.Cut(path, "://")
		path = path[len(authority(path)):]
	}
	return path, true
}

// authority returns the part of s before the first slash.
func authority(s string) string {
	authority, _, _ := strings.Cut(s, "/")
	return authority
}

// hasEscape reports whether s has a percent-encoded byte.
func hasEscape(s string) bool {
	for i := range len(s) {
		if _, ok := unescape(s[i:]); ok {
			return true
		}
	}
	return false
}

// decodesTo reports whether path, percent-decoded once, equals script followed by info. An empty
// path equals "/".
func decodesTo(path, script, info string) bool {
	if isRoot(path) && script == "" && isRoot(info) {
		return true
	}
	at := 0
	for i := 0; i < len(path); at++ {
		c, size := path[i], 1
		if decoded, ok := unescape(path[i:]); ok {
			c, size = decoded, 3
		}
		if at >= len(script)+len(info) || byteAt(script, info, at) != c {
			return false
		}
		i += size
	}
	return at == len(script)+len(info)
}

func isRoot(path string) bool { return path == "" || path == "/" }

// byteAt returns (a + b)[i] without building the string.
func byteAt(a, b string, i int) byte {
	if i < len(a) {
		return a[i]
	}
	return b[i-len(a)]
}

// unescape returns the percent-encoded byte at the start of s. ok is false if there is no such
// byte.
func unescape(s string) (byte, bool) {
	if len(s) < 3 || s[0] != '%' {
		return 0, false
	}
	n, err := strconv.ParseUint(s[1:3], 16, 8)
	return byte(n), err == nil
}
