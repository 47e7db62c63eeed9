package gateway

import (
	"strings"

	"github.com/cgikit/cgikit/util"
)

// Mount completes the environ of an application that is mounted at prefix, where the web server did not: stock nginx sends
// no SCRIPT_NAME and no PATH_INFO over SCGI, and over FastCGI the whole path as SCRIPT_NAME and no PATH_INFO. SCRIPT_NAME
// becomes the prefix and PATH_INFO the rest of REQUEST_URI's path, percent-decoded once; the query stays where it is.
//
// An empty prefix means that there is nothing to complete, "/" is the root. An environ with SCRIPT_NAME and PATH_INFO is
// right already, and one without REQUEST_URI cannot be completed: both are left alone.
//
// The prefix ends at a segment: "/app" is no prefix of "/apple". A slash that the client encoded is part of a segment and
// matches none of the prefix's; in PATH_INFO it is a slash like others (RFC 3875 section 4.1.5). Repeated slashes and dot
// segments stay. A path that is not below prefix is an error with the page 404, one that is malformed or holds a NUL a
// [*RequestError]: a transport hands them to [BaseCGIHandler.Run] as the error of an App.
func Mount(e *util.Environ, prefix string) error {
	if prefix == "" {
		return nil
	}
	_, hasScript := e.Lookup("SCRIPT_NAME")
	_, hasInfo := e.Lookup("PATH_INFO")
	uri := e.Get("REQUEST_URI")
	if hasScript && hasInfo || uri == "" {
		return nil
	}
	prefix = strings.Trim(prefix, "/")
	if prefix != "" {
		prefix = "/" + prefix
	}
	rest, ok := below(uriPath(uri), prefix)
	if !ok {
		return &notMountedError{uri: uri, prefix: prefix}
	}
	info, ok := percentDecode(rest)
	if !ok {
		return requestError("malformed REQUEST_URI", uri)
	}
	e.Set("SCRIPT_NAME", prefix)
	e.Set("PATH_INFO", info)
	return nil
}

// notMountedError is a request for something that is not below the mount point: the web server's configuration sends more
// here than the server was told of.
type notMountedError struct{ uri, prefix string }

func (e *notMountedError) Error() string {
	return requestError("REQUEST_URI is not below the mount point "+e.prefix, e.uri).Error()
}

func (e *notMountedError) page() (status, text string) {
	return "404 Not Found", "There is nothing here.\n"
}

// uriPath returns the path of a request target, still encoded. The absolute form has scheme and authority before it (RFC
// 9112 section 3.2.2).
func uriPath(uri string) string {
	path, _, _ := strings.Cut(uri, "?")
	scheme, rest, absolute := strings.Cut(path, "://")
	if !absolute || strings.Contains(scheme, "/") {
		return path
	}
	slash := strings.IndexByte(rest, '/')
	if slash < 0 {
		return "/"
	}
	return rest[slash:]
}

// below cuts prefix off path. The client may have encoded any letter of it, but not its slashes.
func below(path, prefix string) (rest string, ok bool) {
	for prefix != "" {
		if path == "" {
			return "", false
		}
		c, size := path[0], 1
		if c == '%' {
			if c, ok = percentByte(path); !ok || c == '/' {
				return "", false
			}
			size = 3
		}
		if c != prefix[0] {
			return "", false
		}
		path, prefix = path[size:], prefix[1:]
	}
	return path, path == "" || path[0] == '/'
}

// percentDecode refuses a broken escape, and NUL, which ends a path for the C library that will open it.
func percentDecode(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, strings.IndexByte(s, 0) < 0
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '%' {
			var ok bool
			if c, ok = percentByte(s[i:]); !ok {
				return "", false
			}
			i += 2
		}
		if c == 0 {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}

// percentByte decodes the escape that s begins with.
func percentByte(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, ok := unhex(s[1])
	low, lowOK := unhex(s[2])
	return high<<4 | low, ok && lowOK
}

func unhex(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
