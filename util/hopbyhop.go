package util

import "strings"

// IsHopByHop reports whether name, in any case, is a field that concerns one connection only. An
// application must not send such a field, and a gateway must not pass it on (RFC 9110 section
// 7.6.1). Besides the list of RFC 2616, which is wsgiref's, it knows Trailer, which that list
// misspells as Trailers, and Proxy-Connection, which RFC 9110 adds. Fields that a Connection field
// names are hop-by-hop too: see [IsConnectionOption].
func IsHopByHop(name string) bool {
	var lower [len("proxy-authorization")]byte // on the stack: every response field is asked about
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

// IsConnectionOption reports whether connection, the value of a Connection field, makes the field
// name hop-by-hop by naming it (RFC 9110 section 7.6.1). Case does not matter. Content-Type,
// Content-Length and Location stay for every recipient, whatever connection says: without the first
// a browser guesses, and the others say what the response is.
func IsConnectionOption(connection, name string) bool {
	for option := range strings.SplitSeq(connection, ",") {
		if strings.EqualFold(strings.Trim(option, " \t"), name) {
			return !isForEveryone(name)
		}
	}
	return false
}

func isForEveryone(name string) bool {
	return strings.EqualFold(name, "Content-Type") || strings.EqualFold(name, "Content-Length") || strings.EqualFold(name, "Location")
}
