package demo

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// shown is the value of a variable as a page shows it: the text of a secret stays with its owner,
// whoever looks at the page.
func shown(name, value string) string {
	if value != "" && isSecret(name) {
		return fmt.Sprintf("(%d bytes, not shown)", len(value))
	}
	return value
}

// isSecret goes by the words of the name, as there are many fields of that kind: X-Api-Key,
// X-Auth-Token, X-Csrf-Token.
func isSecret(name string) bool {
	for _, word := range []string{"AUTHORIZATION", "COOKIE", "AUTH_PW", "AUTH_DIGEST", "PASSWORD", "SECRET", "TOKEN", "API_KEY"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// LocalHost reports whether a Host field, with or without a port, names an address or localhost. A
// page on a loopback listener must take no other: by a name of its own that leads to 127.0.0.1, a
// page of another site could read it (DNS rebinding).
func LocalHost(host string) bool {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		host = host[:i]
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" || strings.EqualFold(host, "localhost") || strings.EqualFold(host, "localhost.") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

// misdirected reports whether a request came over the loopback interface for a host that is not
// local.
func misdirected(r *gateway.Request) bool {
	server, err := netip.ParseAddr(strings.Trim(r.Environ.Get("SERVER_ADDR"), "[]"))
	return err == nil && server.IsLoopback() && !LocalHost(r.Environ.Get("HTTP_HOST"))
}
