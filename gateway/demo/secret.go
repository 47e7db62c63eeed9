package demo

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// displayValue returns the value of a variable as a page shows it. It hides the value of a secret.
func displayValue(name, value string) string {
	if value != "" && isSecret(name) {
		return fmt.Sprintf("(%d bytes, not shown)", len(value))
	}
	return value
}

// isSecret reports whether the name contains a word that secrets have in their names, because there
// are many such fields: X-Api-Key, X-Auth-Token, X-Csrf-Token.
func isSecret(name string) bool {
	for _, word := range []string{"AUTHORIZATION", "COOKIE", "AUTH_PW", "AUTH_DIGEST", "PASSWORD", "SECRET", "TOKEN", "API_KEY"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// LocalHost reports whether a Host field, with or without a port, names an IP address or localhost.
// A page on a loopback listener must accept no other host. Otherwise another site could define a
// name for 127.0.0.1 and read the page under that name (DNS rebinding).
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

// misdirected reports whether a request arrived over the loopback interface for a host that is not
// local.
func misdirected(r *gateway.Request) bool {
	server, err := netip.ParseAddr(strings.Trim(r.Environ.Get("SERVER_ADDR"), "[]"))
	return err == nil && server.IsLoopback() && !LocalHost(r.Environ.Get("HTTP_HOST"))
}
