package gateway

import (
	"errors"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/headers"
)

// parseHead makes a Response of a head without its blank line.
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
			continue // CGI.pm with -nph sends both; nginx 1.22 over SCGI believes the line too
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
		resp.Status += " " // RFC 3875 section 6.3.3 wants the space, and many scripts leave it out
	}
	return resp, checkStatus(resp.Status)
}

// statusLine takes an HTTP status line off the head. CGI.pm prints the version of SERVER_PROTOCOL,
// which may be HTTP/2.0.
func statusLine(text string) (status, rest string, ok bool) {
	line, rest, _ := strings.Cut(text, "\n")
	version, status, ok := strings.Cut(strings.TrimSuffix(line, "\r"), " ")
	if !ok || len(version) != len("HTTP/1.1") || !strings.HasPrefix(version, "HTTP/") ||
		!isDigit(version[5]) || version[6] != '.' || !isDigit(version[7]) {
		return "", text, false
	}
	return status, rest, true
}

// addField adds a field to the head. Of the fields that the web server acts on, one without a value
// counts as not sent (RFC 3875 section 6.3), and a second one must say the same as the first.
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
		value = oneLength(value)
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

// isServerField reports whether the web server acts on a field, and so must know which value
// counts. Status is one of them, but never among a Response's Headers.
func isServerField(name string) bool {
	return equalFold(name, "Content-Type") || equalFold(name, "Location") || equalFold(name, "Content-Length")
}

// oneLength returns the length that a list such as "5, 5" repeats: a library may have combined two
// fields (RFC 9110 section 8.6). Any other value stays as it is.
func oneLength(list string) string {
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

// sameValue compares two values of a field that is sent twice.
func sameValue(name, a, b string) bool {
	switch {
	case equalFold(name, "Location"):
		return a == b
	case equalFold(name, "Content-Length") && sameLength(a, b):
		return true
	}
	return equalFold(a, b)
}
