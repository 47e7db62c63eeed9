package httpapp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cgikit/cgikit/util"
)

// requestTarget returns the URL and the RequestURI of an http.Request. The second always parses to
// the first. They come from REQUEST_URI, which is as the client sent it. If that is missing or
// malformed, they come from the decoded CGI variables, in which a %2F of the client is a slash.
func requestTarget(e *util.Environ, method string) (*url.URL, string) {
	if uri := clientURI(e, method); uri != "" {
		if target, err := parseTarget(method, uri); err == nil {
			return target, uri
		}
	}
	target := &url.URL{Path: scriptPath(e), RawQuery: escapeQuery(e.Get("QUERY_STRING"))}
	return target, target.RequestURI()
}

// clientURI returns REQUEST_URI, with the query that Tomcat leaves out of it (golang/go#54961). It
// returns "" for a server-side include, where REQUEST_URI is that of the including page.
func clientURI(e *util.Environ, method string) string {
	uri := e.Get("REQUEST_URI")
	switch {
	case e.Get("SERVER_PROTOCOL") == included:
		return ""
	case uri == "" || uri == "*" || method == http.MethodConnect || strings.Contains(uri, "?"):
		return uri
	}
	if query := e.Get("QUERY_STRING"); query != "" {
		uri += "?" + query
	}
	return uri
}

var errTarget = errors.New("httpapp: not a request target")

// parseTarget parses the four forms of RFC 9112 section 3.2.
func parseTarget(method, uri string) (*url.URL, error) {
	if method == http.MethodConnect && uri[0] != '/' {
		target, err := url.ParseRequestURI("http://" + uri)
		if err != nil {
			return nil, err
		}
		target.Scheme = "" // as in net/http for the authority form
		return target, nil
	}
	target, err := url.ParseRequestURI(uri)
	if err != nil {
		return nil, err
	}
	if target.Opaque != "" {
		// mailto:a@b, or a relative reference with a colon in it
		return nil, fmt.Errorf("%w: %.64q", errTarget, uri)
	}
	return target, nil
}

// scriptPath returns SCRIPT_NAME and PATH_INFO as one absolute path. It tolerates what some server
// configurations send: a SCRIPT_NAME of "/" for the root, and either variable without its leading
// slash.
func scriptPath(e *util.Environ) string {
	script := e.Get("SCRIPT_NAME")
	if strings.Trim(script, "/") == "" {
		script = ""
	}
	path := withLeadingSlash(script) + withLeadingSlash(e.Get("PATH_INFO"))
	if path == "" {
		return "/"
	}
	return path
}

func withLeadingSlash(path string) string {
	if path == "" || path[0] == '/' {
		return path
	}
	return "/" + path
}

// escapeQuery encodes the bytes that a request line cannot contain. The rest of QUERY_STRING is
// encoded already (RFC 3875 section 4.1.7).
func escapeQuery(query string) string {
	bad := func(r rune) bool { return r <= ' ' || r == 0x7f }
	if strings.IndexFunc(query, bad) < 0 {
		return query
	}
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; bad(rune(c)) {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
