package util

// IsHopByHop reports whether name, in any case, is a field that concerns one connection only and so none that an application may send or a
// gateway pass on (RFC 9110 section 7.6.1). Besides RFC 2616's list it knows Trailer, which that list misspells as Trailers, and
// Proxy-Connection, which RFC 9110 adds. Fields that a Connection field names are hop-by-hop too, but no name tells that.
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
