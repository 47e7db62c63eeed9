package httpapp

import (
	"net/http"
	"strings"

	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// requestURI returns REQUEST_URI: the target of r, without the scheme and authority of an absolute
// form.
func requestURI(r *http.Request) (string, error) {
	uri := r.RequestURI
	switch {
	case uri == "": // r was made by a program, not by a server
		return r.URL.RequestURI(), nil
	case strings.Contains(uri, "#"):
		return "", badRequest("fragment in the request target", uri)
	case r.Method == "PRI" && uri == "*":
		return "", badRequest("beginning of an HTTP/2 connection", uri) // net/http passes it on
	case r.Method != http.MethodOptions && uri == "*": // RFC 9112 section 3.2.4
		return "", badRequest("request target of OPTIONS with another method", uri)
	case uri[0] == '/', uri == "*", r.Method == http.MethodConnect:
		return uri, nil
	}
	origin, ok := originForm(uri)
	if !ok {
		return "", badRequest("malformed request target", uri)
	}
	return origin, nil
}

// originForm removes scheme and authority from an absolute form. A missing path becomes "/" (RFC
// 9112 section 3.2.1). A missing authority is an error (RFC 9110 section 4.2.1).
func originForm(uri string) (origin string, ok bool) {
	scheme, rest, found := strings.Cut(uri, "://")
	path := strings.IndexAny(rest, "/?")
	switch {
	case !found, strings.Contains(scheme, ":"), rest == "", path == 0:
		return "", false
	case path < 0:
		return "/", true
	case rest[path] == '?':
		return "/" + rest[path:], true
	}
	return rest[path:], true
}

// escapedPath returns the encoded path of r. A missing path becomes "/" (RFC 9110 section 4.2.3).
func escapedPath(r *http.Request) string {
	escaped := r.URL.EscapedPath()
	switch {
	case escaped == "" && r.Method != http.MethodConnect:
		return "/"
	case escaped != "" && escaped != "*" && escaped[0] != '/':
		return "/" + escaped // an outer handler has removed a prefix with the slash
	}
	return escaped
}

// pathInfo returns the decoded path below mount.
func pathInfo(r *http.Request, mount string) (string, error) {
	escaped := escapedPath(r)
	if escaped == "*" { // OPTIONS for the whole server (RFC 9110 section 9.3.7)
		escaped = ""
	}
	rest, ok := util.CutMount(escaped, mount)
	if !ok {
		return "", ErrOutsideMount
	}
	info, ok := util.DecodePath(rest)
	if !ok {
		return "", badRequest("malformed path", escaped)
	}
	return info, nil
}

// normalVariables is MetaVariables for a path that is below mount only in normal form, such as
// "//app/x". Web servers compare the normal form too.
func normalVariables(r *http.Request, mount string) (*util.Environ, error) {
	t, err := exchange.ParseTarget(escapedPath(r))
	if err != nil {
		return nil, ErrOutsideMount
	}
	c, u := *r, *r.URL
	u.RawPath = t.String()
	u.Path, _ = util.DecodePath(u.RawPath)
	c.URL = &u
	return MetaVariables(&c, mount)
}
