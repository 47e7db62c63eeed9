package load

import (
	"bytes"
	"strconv"
)

// mostHead bounds the head of a response, in bytes.
const mostHead = 256 << 10

// head is what the head of a response says.
type head struct {
	status  int
	length  int64 // of the body; -1 is not known
	chunked bool
	close   bool // "Connection: close"
	keep    bool // "Connection: keep-alive"
	old     bool // HTTP/1.0
}

// findHeadEnd returns the length of the head with its empty line, -1 where that has not come.
func findHeadEnd(p []byte) int {
	end := -1
	for _, empty := range []string{"\n\n", "\n\r\n"} {
		if i := bytes.Index(p, []byte(empty)); i >= 0 && (end < 0 || i+len(empty) < end) {
			end = i + len(empty)
		}
	}
	return end
}

// parseHead reads the fields of a head, which may begin with a status line as of HTTP. It reports
// false for what is no head.
func parseHead(p []byte) (h head, ok bool) {
	h.length = -1
	location := false
	for i, line := range bytes.Split(bytes.TrimRight(p, "\r\n"), []byte("\n")) {
		line = bytes.TrimSuffix(line, []byte("\r"))
		if i == 0 && bytes.HasPrefix(line, []byte("HTTP/")) {
			version, rest, _ := bytes.Cut(line, []byte(" "))
			h.old = string(version) == "HTTP/1.0"
			if h.status, ok = parseStatus(rest); !ok {
				return h, false
			}
			continue
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		if !found || len(name) == 0 {
			return h, false
		}
		if value = bytes.TrimSpace(value); !h.addField(name, value) {
			return h, false
		}
		location = location || bytes.EqualFold(name, []byte("Location"))
	}
	if h.status == 0 {
		h.status = map[bool]int{true: 302, false: 200}[location]
	}
	return h, true
}

// addField notes a field, and reports false if its value is wrong.
func (h *head) addField(name, value []byte) (ok bool) {
	switch {
	case bytes.EqualFold(name, []byte("Status")):
		h.status, ok = parseStatus(value)
		return ok
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 63)
		h.length = int64(n)
		return err == nil
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.chunked = bytes.EqualFold(value, []byte("chunked"))
	case bytes.EqualFold(name, []byte("Connection")):
		h.close = bytes.EqualFold(value, []byte("close"))
		h.keep = bytes.EqualFold(value, []byte("keep-alive"))
	}
	return true
}

// parseStatus reads the three digits that a status begins with.
func parseStatus(p []byte) (int, bool) {
	if len(p) < 3 || len(p) > 3 && p[3] != ' ' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p[:3]), 10, 16)
	return int(n), err == nil && n >= 100
}

// hasBody reports whether a response of that status can have a body (RFC 9110 section 6.4.1).
func hasBody(status int) bool { return status >= 200 && status != 204 && status != 304 }
