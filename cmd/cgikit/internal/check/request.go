package check

import (
	"slices"
	"strconv"
	"strings"
)

// request is a request whatever its protocol.
type request struct {
	vars []Variable
	body []byte // with CONTENT_LENGTH if it is not nil
	open bool   // of a CGI script: its input has no end after the body
}

// request returns the plain request with some variables replaced. A value of removed takes one
// away.
func (r *Run) request(body []byte, changed ...Variable) request {
	path, query, _ := strings.Cut(r.Path, "?")
	if path == "" {
		path = "/"
	}
	vars := []Variable{
		{"GATEWAY_INTERFACE", "CGI/1.1"},
		{"REQUEST_METHOD", "GET"},
		{"SCRIPT_NAME", ""},
		{"PATH_INFO", path},
		{"QUERY_STRING", query},
		{"REQUEST_URI", strings.TrimSuffix(path+"?"+query, "?")},
		{"SERVER_PROTOCOL", "HTTP/1.1"},
		{"SERVER_NAME", "localhost"},
		{"SERVER_PORT", "80"},
		{"SERVER_SOFTWARE", "cgikit"},
		{"REMOTE_ADDR", "127.0.0.1"},
		{"HTTP_HOST", "localhost"},
	}
	if body != nil {
		vars = replace(vars, Variable{"REQUEST_METHOD", "POST"}, Variable{"CONTENT_TYPE", "text/plain"},
			Variable{"CONTENT_LENGTH", strconv.Itoa(len(body))})
	}
	vars = replace(vars, r.Vars...)
	return request{vars: replace(vars, changed...), body: body}
}

// removed as a value takes a variable away.
const removed = "\x00removed"

// replace sets variables, in place where they are, else at the end.
func replace(vars []Variable, changed ...Variable) []Variable {
	for _, v := range changed {
		i := slices.IndexFunc(vars, func(old Variable) bool { return old.Name == v.Name })
		switch {
		case i >= 0 && v.Value == removed:
			vars = slices.Delete(vars, i, i+1)
		case i >= 0:
			vars[i] = v
		case v.Value != removed:
			vars = append(vars, v)
		}
	}
	return vars
}
