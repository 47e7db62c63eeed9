package httpapp

import (
	"net/http"
	"strings"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// requestFields returns the fields that the client sent: the HTTP_ variables, CONTENT_TYPE and
// CONTENT_LENGTH. All values share one slice, so that the map costs no allocation for each field.
func requestFields(e *util.Environ) http.Header {
	most := 0
	for variable := range e.All() {
		if mayBeField(variable) {
			most++
		}
	}
	header := make(http.Header, most)
	values := make([]string, 0, most)
	for variable, value := range e.All() {
		if !mayBeField(variable) {
			continue
		}
		name := fieldName(variable)
		if name == "" || value == "" && variable[0] == 'C' {
			continue // RFC 3875 section 4.1: a CGI variable without a value counts as not set
		}
		values = append(values, value)
		header[name] = values[len(values)-1 : len(values) : len(values)]
	}
	return header
}

func mayBeField(variable string) bool {
	return strings.HasPrefix(variable, "HTTP_") || variable == "CONTENT_TYPE" || variable == "CONTENT_LENGTH"
}

// fieldName returns the canonical name of the field that a variable carries, or "" if the variable
// must not become a field: http.Request has Host and Transfer-Encoding in fields of its own, Proxy
// must never be seen (httpoxy), and HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH would be duplicates.
// Names that browsers and proxies send are constants, which need no allocation.
func fieldName(variable string) string {
	switch variable {
	case "HTTP_", "HTTP_HOST", "HTTP_PROXY", "HTTP_TRANSFER_ENCODING", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH":
		return ""
	case "CONTENT_TYPE":
		return "Content-Type"
	case "CONTENT_LENGTH":
		return "Content-Length"
	case "HTTP_ACCEPT":
		return "Accept"
	case "HTTP_ACCEPT_ENCODING":
		return "Accept-Encoding"
	case "HTTP_ACCEPT_LANGUAGE":
		return "Accept-Language"
	case "HTTP_AUTHORIZATION":
		return "Authorization"
	case "HTTP_CACHE_CONTROL":
		return "Cache-Control"
	case "HTTP_CONNECTION":
		return "Connection"
	case "HTTP_COOKIE":
		return "Cookie"
	case "HTTP_DNT":
		return "Dnt"
	case "HTTP_IF_MODIFIED_SINCE":
		return "If-Modified-Since"
	case "HTTP_IF_NONE_MATCH":
		return "If-None-Match"
	case "HTTP_ORIGIN":
		return "Origin"
	case "HTTP_PRAGMA":
		return "Pragma"
	case "HTTP_PRIORITY":
		return "Priority"
	case "HTTP_RANGE":
		return "Range"
	case "HTTP_REFERER":
		return "Referer"
	case "HTTP_SEC_FETCH_DEST":
		return "Sec-Fetch-Dest"
	case "HTTP_SEC_FETCH_MODE":
		return "Sec-Fetch-Mode"
	case "HTTP_SEC_FETCH_SITE":
		return "Sec-Fetch-Site"
	case "HTTP_SEC_FETCH_USER":
		return "Sec-Fetch-User"
	case "HTTP_UPGRADE_INSECURE_REQUESTS":
		return "Upgrade-Insecure-Requests"
	case "HTTP_USER_AGENT":
		return "User-Agent"
	case "HTTP_X_FORWARDED_FOR":
		return "X-Forwarded-For"
	case "HTTP_X_FORWARDED_HOST":
		return "X-Forwarded-Host"
	case "HTTP_X_FORWARDED_PROTO":
		return "X-Forwarded-Proto"
	case "HTTP_X_REAL_IP":
		return "X-Real-Ip"
	}
	name := http.CanonicalHeaderKey(strings.ReplaceAll(variable[len("HTTP_"):], "_", "-"))
	switch name {
	// from a variable that is not all upper case
	case "Host", "Proxy", "Transfer-Encoding", "Content-Type", "Content-Length":
		return ""
	}
	if !validName(name) {
		return ""
	}
	return name
}

// validName uses the rule of package headers for names.
func validName(name string) bool {
	var probe headers.Headers
	return probe.Add(name, "") == nil
}
