package gateway

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/headers"
)

// parseHead parses a head, without its blank line, into a Response.
func parseHead(head []byte) (*Response, error) {
	resp := &Response{Headers: headers.New()}
	status, text, hasStatusLine := statusLine(string(head))
	resp.Status = status
	for text != "" {
		line, rest, _ := strings.Cut(text, "\n")
		text = rest
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\r"), ":")
		switch {
		case !ok:
			return nil, fmt.Errorf("a line without a colon: %.64q", line)
		case hasStatusLine && equalFold(name, "Status"):
			continue // CGI.pm with -nph sends both; nginx 1.22 over SCGI uses the status line too
		}
		if err := resp.addField(name, value); err != nil {
			return nil, err
		}
		if resp.Headers.Len() > maxHeadFields {
			return nil, fmt.Errorf("more than %d fields", maxHeadFields)
		}
	}
	switch {
	case resp.Status == "" && resp.Headers.Len() == 0:
		return nil, errors.New("no field in it")
	case resp.Status == "":
		return resp, nil
	case len(resp.Status) == 3:
		resp.Status += " " // RFC 3875 section 6.3.3 requires the space, but many scripts omit it
	}
	return resp, checkStatus(resp.Status)
}

// statusLine returns the status of the HTTP status line at the start of a head, and the rest of the
// head. The version may be HTTP/2.0, since CGI.pm prints that of SERVER_PROTOCOL.
func statusLine(text string) (status, rest string, ok bool) {
	line, rest, _ := strings.Cut(text, "\n")
	version, status, ok := strings.Cut(strings.TrimSuffix(line, "\r"), " ")
	if !ok || len(version) != len("HTTP/1.1") || !strings.HasPrefix(version, "HTTP/") ||
		!isDigit(version[5]) || version[6] != '.' || !isDigit(version[7]) {
		return "", text, false
	}
	return status, rest, true
}

// addField adds a field to the head. A field that the web server acts on is ignored if it has no
// value (RFC 3875 section 6.3), and a repetition must have the same value.
func (r *Response) addField(name, value string) error {
	isStatus := equalFold(name, "Status")
	if !isStatus && !isServerField(name) {
		return r.Headers.Add(name, value)
	}
	before := r.Status
	if !isStatus {
		before = r.Headers.Get(name)
	}
	value = strings.Trim(value, " \t")
	if equalFold(name, "Content-Length") {
		value = combinedLength(value)
	}
	switch {
	case value == "":
		return nil
	case before != "" && !sameValue(name, before, value):
		return fmt.Errorf("a second %s: %.64q", name, value)
	case before != "":
		return nil
	case isStatus:
		r.Status = value
		return nil
	}
	return r.Headers.Add(name, value)
}

// isServerField reports whether the web server acts on a field, which must therefore have only one
// value. Status is such a field too, but it is never in the Headers of a Response.
func isServerField(name string) bool {
	return equalFold(name, "Content-Type") || equalFold(name, "Location") || equalFold(name, "Content-Length")
}

// combinedLength returns the length that a list such as "5, 5" repeats, since a library may have
// combined two fields (RFC 9110 section 8.6). It returns any other value unchanged.
func combinedLength(list string) string {
	first, rest, more := strings.Cut(list, ",")
	first = strings.TrimRight(first, " \t")
	for more {
		var next string
		next, rest, more = strings.Cut(rest, ",")
		if !sameLength(first, strings.Trim(next, " \t")) {
			return list
		}
	}
	return first
}

func sameLength(a, b string) bool {
	n, err := parseLength(a)
	m, err2 := parseLength(b)
	return err == nil && err2 == nil && n == m
}

// sameValue reports whether a and b mean the same as values of the field called name.
func sameValue(name, a, b string) bool {
	switch {
	case equalFold(name, "Location"):
		return a == b
	case equalFold(name, "Content-Length") && sameLength(a, b):
		return true
	}
	return equalFold(a, b)
}
