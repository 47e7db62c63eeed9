package util

import (
	"cmp"
	"strings"
)

// GuessScheme returns "https" or "http", the wsgi.url_scheme of the request. It is https if HTTPS
// is "yes", "on" or "1" in any case. If HTTPS is absent or empty, REQUEST_SCHEME decides: nginx,
// Apache and lighttpd send it. The web server sets both; a client cannot. wsgiref compares HTTPS
// with regard to case and does not read REQUEST_SCHEME.
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

// ApplicationURI returns the URL of the application itself: scheme, host and SCRIPT_NAME, or "/" if
// that is empty (RFC 3875 section 4.1.13).
//
// The host is HTTP_HOST, byte for byte. The client chooses it, so a program that stores or mails
// the URL must check it. Without HTTP_HOST the host is SERVER_NAME or, if nginx leaves that empty,
// SERVER_ADDR, with SERVER_PORT unless it is the default port of the scheme. Without any of them
// the host is empty. In SCRIPT_NAME every byte but letters, digits and /-._~;=, is percent-encoded.
//
// The differences from wsgiref's application_uri:
//
//   - It calls [GuessScheme]; wsgiref reads wsgi.url_scheme.
//   - A SCRIPT_NAME "app" means "/app"; wsgiref appends it to the host name. A SCRIPT_NAME of only
//     slashes means an empty one; wsgiref doubles the slash.
//   - SCRIPT_NAME and PATH_INFO are encoded in the same way, so that [ShiftPathInfo] never changes
//     the URL of a plain path. wsgiref encodes ;=, in SCRIPT_NAME only.
//   - Each byte from 0x80 up is encoded. wsgiref raises UnicodeEncodeError for characters outside
//     Latin-1.
//   - An IPv6 SERVER_NAME is put in brackets. An empty SERVER_NAME is replaced by SERVER_ADDR. An
//     absent SERVER_PORT means no port; wsgiref raises KeyError.
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
// It is built from SCRIPT_NAME and PATH_INFO, which name the requested resource also after a
// rewrite by the web server. It does not read REQUEST_URI, which not every web server sends. A %2F
// that the web server has decoded becomes "/".
//
// The differences from wsgiref's request_uri are those of [ApplicationURI] and two more. A
// PATH_INFO "x" means "/x"; wsgiref drops it. wsgiref does not encode the bytes of QUERY_STRING
// named above, which then end or break the URL.
func RequestURI(e *Environ, includeQuery bool) string {
	var b strings.Builder
	writeOrigin(&b, e)
	quote(&b, cmp.Or(scriptName(e)+withLeadingSlash(e.Get("PATH_INFO")), "/"), isPathByte)
	if query := e.Get("QUERY_STRING"); includeQuery && query != "" {
		b.WriteByte('?')
		quote(&b, query, isQueryByte)
	}
	return b.String()
}

// scriptName returns SCRIPT_NAME without two errors of web server configurations: only slashes for
// the root, which is "", and no leading slash.
func scriptName(e *Environ) string {
	name := e.Get("SCRIPT_NAME")
	if strings.Trim(name, "/") == "" {
		return ""
	}
	return withLeadingSlash(name)
}

// withLeadingSlash adds the leading slash that RFC 3875 sections 4.1.5 and 4.1.13 require of a path
// that is not empty.
func withLeadingSlash(path string) string {
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

// bracketed puts an IPv6 address in the brackets that a URL requires. SERVER_ADDR never has them,
// and SERVER_NAME has them only with some servers.
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

// quote writes s to b, with each byte that is not safe as %XX.
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

// isPathByte reports whether c is not encoded in a path. The set is that of wsgiref for PATH_INFO:
// RFC 3986's unreserved characters, the slash, and the delimiters of parameters in a segment.
func isPathByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("/-._~;=,", c) >= 0
}

// isQueryByte reports whether c is not encoded in a query. The set is the complement of the URL
// Standard's query percent-encode set (section 1.3), which browsers use.
func isQueryByte(c byte) bool {
	return ' ' < c && c < 0x7f && strings.IndexByte(`"#<>`, c) < 0
}
