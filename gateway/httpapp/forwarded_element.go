package httpapp

import (
	"net/netip"
	"strings"

	"github.com/cgikit/cgikit/gateway/transport"
)

// readStandard reads Forwarded (RFC 7239) from the right: each element describes the request that a
// trusted proxy has received. Scheme and host are those of the last element that was read.
func (f *forwarded) readStandard(lines []string, trusted []netip.Prefix) {
	for i := len(lines) - 1; i >= 0; i-- {
		for line := lines[i]; line != ""; {
			var element string
			if line, element = cutLastElement(line); element == "" {
				continue
			}
			if !f.readElement(element) || !transport.Contains(trusted, f.client.Addr()) {
				return
			}
		}
	}
}

// cutLastElement cuts the last element off a list. It reads from the right, so that an unclosed
// quote of a client does not hide the elements that proxies have appended.
func cutLastElement(list string) (rest, element string) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"' && !(quoted && isEscaped(list[:i])):
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], strings.Trim(list[i+1:], " \t")
		}
	}
	return "", strings.Trim(list, " \t")
}

// isEscaped reports whether an odd number of backslashes is at the end of s.
func isEscaped(s string) bool {
	return (len(s)-len(strings.TrimRight(s, `\`)))%2 == 1
}

// readElement reads one element. It reports whether the element names the address of its client, so
// that the next element may be read.
func (f *forwarded) readElement(element string) bool {
	parameters, ok := parseElement(element)
	if !ok {
		f.malformed = "Forwarded"
		return false
	}
	f.scheme, f.host, f.port = "", "", ""
	f.setScheme("Forwarded", parameters["proto"])
	f.setHost("Forwarded", parameters["host"])
	node, named := parameters["for"]
	if !named {
		return false
	}
	client, ok := parseNode(withoutHiddenPort(node))
	if !ok {
		f.noteMalformed("Forwarded", node)
		return false
	}
	f.client = client
	return true
}

// withoutHiddenPort removes a port that is a name (RFC 7239 section 6.3), as in 192.0.2.1:_x.
func withoutHiddenPort(node string) string {
	if i := strings.LastIndexByte(node, ':'); i >= 0 && strings.HasPrefix(node[i+1:], "_") {
		return node[:i]
	}
	return node
}

// parseElement parses the pairs of an element (RFC 7239 section 4). Names are in lower case in the
// result. A name that is there twice is an error.
func parseElement(s string) (parameters map[string]string, ok bool) {
	parameters = make(map[string]string)
	for {
		name, rest, found := strings.Cut(s, "=")
		name = strings.ToLower(strings.Trim(name, " \t"))
		value, rest, valid := parseValue(rest)
		if _, twice := parameters[name]; !found || !valid || twice || !isToken(name) {
			return nil, false
		}
		parameters[name] = value
		if rest == "" {
			return parameters, true
		}
		s = rest[1:]
	}
}

// parseValue parses a token or a quoted string, and what follows up to a semicolon, which rest
// begins with unless it is empty.
func parseValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		i := strings.IndexByte(s+";", ';')
		value = strings.TrimRight(s[:i], " \t")
		return value, s[i:], isToken(value)
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case '"':
			rest = strings.TrimLeft(s[i+1:], " \t")
			return b.String(), rest, rest == "" || rest[0] == ';'
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2.
func isToken(s string) bool {
	for i := range len(s) {
		if !isAlphanumeric(s[i]) && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(s[i])) {
			return false
		}
	}
	return s != ""
}
