package gateway

import "strconv"

// BodyLength is how many bytes of body the response to a request of that method has to have by its Content-Length; negative where it
// does not say, and where a response has a Content-Length and no body: to HEAD, 204 and 304 (RFC 9110 section 8.6). A malformed one is
// left for whoever sends it on to refuse.
func (r *Response) BodyLength(method string) int64 {
	status := r.Status[:min(len(r.Status), 3)]
	declared, ok := r.Headers.Lookup("Content-Length")
	if !ok || method == "HEAD" || status == "204" || status == "304" {
		return unknownLength
	}
	n, err := strconv.ParseUint(declared, 10, 63)
	if err != nil {
		return unknownLength
	}
	return int64(n)
}
