package util

import (
	"cmp"
	"strings"
)

// GuessScheme returns "https" or "http", the wsgi.url_scheme of the request. It is https if HTTPS
// is "yes", "on" or "1" in any case. Where HTTPS is absent or empty, REQUEST_SCHEME decides:
// nginx, Apache and lighttpd send it. Both are the web server's words, not the client's. wsgiref
// compares HTTPS with case and does not read REQUEST_SCHEME.
func GuessScheme(e *Environ) string {
	https := e.Get("HTTPS")
	if https == "" && strings.EqualFold(e.Get("REQUEST_SCHEME"), "https") {
		return "https"
	}
	switch strings.ToLower(https) {
	case "yes", "on", "1":
		return "https"
	}
	return "http"
}

// ApplicationURI returns the URL of the application itself: scheme, host and SCRIPT_NAME, or "/"
// where that is empty (RFC 3875 section 4.1.13).
//
// The host is HTTP_HOST, byte for byte. That is the client's word: a program that stores or mails
// the URL must check it. Without HTTP_HOST it is SERVER_NAME or, where nginx leaves that empty,
// SERVER_ADDR, with SERVER_PORT unless it is the scheme's own; with none of them the host is empty.
// In SCRIPT_NAME every byte but letters, digits and /-._~;=, is percent-encoded.
//
// It differs from wsgiref's application_uri:
//
//   - It asks [GuessScheme], where wsgiref reads wsgi.url_scheme.
//   - A SCRIPT_NAME app is taken as /app, where wsgiref glues it to the host name. One of slashes
//     alone is taken as empty, where wsgiref doubles the slash.
//   - SCRIPT_NAME and PATH_INFO are quoted alike, so that [ShiftPathInfo] never changes the URL of
//     a plain path. wsgiref encodes ;=, in the first only.
//   - Quoting works on bytes: each one from 0x80 up is encoded. wsgiref raises UnicodeEncodeError
//     past Latin-1.
//   - An IPv6 SERVER_NAME gets its brackets. An empty SERVER_NAME is replaced by SERVER_ADDR. An
//     absent SERVER_PORT means no port; in wsgiref it is a KeyError.
func ApplicationURI(e *Environ) string {
	var b strings.Builder
	writeOrigin(&b, e)
	quote(&b, cmp.Or(scriptName(e), "/"), isPathByte)
	return b.String()
}

// RequestURI returns the URL of the request: that of the application, PATH_INFO percent-encoded
// like SCRIPT_NAME, and with includeQuery "?" and QUERY_STRING if there is one. QUERY_STRING is
// encoded already: only controls, space, "#<> and bytes from 0x7F up are encoded in it.
//
// It is built from SCRIPT_NAME and PATH_INFO, which name what this program was asked for also after
// a rewrite. REQUEST_URI, which not every web server sends, is not read. A %2F of the client that
// the web server decoded comes back as "/".
//
// It differs from wsgiref's request_uri as [ApplicationURI] does, and in two more points: a
// PATH_INFO x is taken as /x, where wsgiref drops it, and wsgiref lets the bytes named above end
// or break the URL.
func RequestURI(e *Environ, includeQuery bool) string {
	var b strings.Builder
	writeOrigin(&b, e)
	quote(&b, cmp.Or(scriptName(e)+rooted(e.Get("PATH_INFO")), "/"), isPathByte)
	if query := e.Get("QUERY_STRING"); includeQuery && query != "" {
		b.WriteByte('?')
		quote(&b, query, isQueryByte)
	}
	return b.String()
}

// scriptName is SCRIPT_NAME without the two errors web servers get configured to: slashes alone for
// the root, which is "", and no leading slash.
func scriptName(e *Environ) string {
	name := e.Get("SCRIPT_NAME")
	if strings.Trim(name, "/") == "" {
		return ""
	}
	return rooted(name)
}

// rooted adds the leading slash that RFC 3875 sections 4.1.5 and 4.1.13 demand of a path that is
// not empty.
func rooted(path string) string {
	if path == "" || path[0] == '/' {
		return path
	}
	return "/" + path
}

func writeOrigin(b *strings.Builder, e *Environ) {
	scheme := GuessScheme(e)
	b.WriteString(scheme)
	b.WriteString("://")
	if host := e.Get("HTTP_HOST"); host != "" {
		b.WriteString(host)
		return
	}
	b.WriteString(bracketed(cmp.Or(e.Get("SERVER_NAME"), e.Get("SERVER_ADDR"))))
	if port := e.Get("SERVER_PORT"); port != "" && port != defaultPort(scheme) {
		b.WriteByte(':')
		b.WriteString(port)
	}
}

// bracketed puts the brackets around a bare IPv6 address that a URL needs. SERVER_ADDR never has
// them, SERVER_NAME not with every server.
func bracketed(host string) string {
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return "[" + host + "]"
	}
	return host
}

func defaultPort(scheme string) string {
	if scheme == "https" {
		return "443"
	}
	return "80"
}

// quote writes s to b, each byte that is not safe as %XX.
func quote(b *strings.Builder, s string, safe func(c byte) bool) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		if c := s[i]; safe(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}

// isPathByte is wsgiref's choice for PATH_INFO: RFC 3986's unreserved characters, the slash, and
// what parameters of a segment are made of.
func isPathByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/-._~;=,", c) >= 0
}

// isQueryByte is the complement of the URL Standard's query percent-encode set (section 1.3): what
// browsers send as it is.
func isQueryByte(c byte) bool {
	return ' ' < c && c < 0x7f && strings.IndexByte(`"#<>`, c) < 0
}
