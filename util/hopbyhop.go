package util

import "strings"

// IsHopByHop reports whether name, in any case, is a field that concerns one connection only. An
// application must not send such a field, and a gateway must not forward it (RFC 9110 section
// 7.6.1). wsgiref uses the list of RFC 2616. IsHopByHop adds Trailer, which that list misspells as
// Trailers, and Proxy-Connection, which is in RFC 9110. Fields that a Connection field names are
// hop-by-hop too: see [IsConnectionOption].
func IsHopByHop(name string) bool {
	var lower [len("proxy-authorization")]byte // on the stack, since this is called for every response field
	if len(name) > len(lower) {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		lower[i] = c
	}
	switch string(lower[:len(name)]) {
	case "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection",
		"te", "trailer", "trailers", "transfer-encoding", "upgrade":
		return true
	}
	return false
}

// IsConnectionOption reports whether the field called name is hop-by-hop because connection, the
// value of a Connection field, names it (RFC 9110 section 7.6.1). Case is ignored. For
// Content-Type, Content-Length and Location it is always false, because a response needs them:
// without Content-Type a browser guesses the type, and the other two define the response.
func IsConnectionOption(connection, name string) bool {
	for option := range strings.SplitSeq(connection, ",") {
		if strings.EqualFold(strings.Trim(option, " \t"), name) {
			return !isAlwaysKept(name)
		}
	}
	return false
}

func isAlwaysKept(name string) bool {
	return strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Location")
}
