package request

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/testdata/environ"
)

// capturedFields are the fields of the request of every capture, as variables.
var capturedFields = []string{
	"HTTP_HOST", "HTTP_USER_AGENT", "HTTP_ACCEPT", "HTTP_AUTHORIZATION", "HTTP_COOKIE",
	"HTTP_X_REPEATED", "HTTP_PROXY", "HTTP_CONNECTION", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH",
}

// serverEnviron is the environ that the server of --as sends for this request. A capture is what it
// has sent for GET /app/a%2cb//c?x=1%20y with the fields above: the variables, their order and
// their repetitions are kept, and this request's values take the place of those.
func (m *message) serverEnviron(l location) (variables, error) {
	captured, err := m.request.readCapture(l, m.body != nil)
	if err != nil {
		return nil, err
	}
	plain, source := m.plainEnviron(l), "--as "+m.request.As
	paths := m.capturedPaths(captured, l)
	var v variables
	fieldsDone := false
	for _, c := range captured {
		switch {
		case c.name == "HTTP_HOST": // nginx has it apart from the others
			if host := fieldValue(m.fields, "Host"); host != "" {
				v.add(c.name, host, source)
			}
		case slices.Contains(capturedFields, c.name):
			if !fieldsDone {
				v.addCapturedFields(captured, m, source)
				fieldsDone = true
			}
		case c.name == "REMOTE_USER", c.name == "AUTH_TYPE", c.name == "PATH":
			// the capture's request had a user; PATH is the server's own
		default:
			v.add(c.name, capturedValue(c, plain, paths), source)
		}
	}
	named := m.request.Root != "" && !v.has("SCRIPT_FILENAME") // a line of the site's own, with PHP
	if named || m.request.ScriptFilename != "" {
		v.set("SCRIPT_FILENAME", l.file, l.fileSource(m.request))
	}
	return v, nil
}

// capturedValue is the value of a captured variable for this request. A variable that depends on
// the request or the machine is that of the plain environ, but for paths, which each server writes
// in its own way.
func capturedValue(c variable, plain variables, paths capturedPaths) string {
	switch c.name {
	case "REQUEST_METHOD", "QUERY_STRING", "CONTENT_TYPE", "REMOTE_ADDR", "REMOTE_PORT", "SERVER_ADDR", "SERVER_PORT", "SERVER_NAME", "REQUEST_URI":
		return plain.get(c.name)
	case "REDIRECT_URI":
		return plain.get("REQUEST_URI")
	case "CONTENT_LENGTH":
		return cmp.Or(plain.get(c.name), c.value) // without a body "" or "0", as the server has it
	case "SCRIPT_NAME", "PATH_INFO", "DOCUMENT_URI", "CONTEXT_PREFIX":
		before, after := paths.cutTail(c.value)
		return before + after
	case "SCRIPT_FILENAME", "PATH_TRANSLATED", "DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT":
		return paths.file(c.value)
	}
	return c.value
}

// addCapturedFields adds the variables of fields as the captured server makes them: it repeats a
// name or joins the values, and drops some fields.
func (v *variables) addCapturedFields(captured variables, m *message, source string) {
	var own variables
	for _, f := range m.fields {
		name := variableName(f.Name)
		inCapture := captured.has(name)
		if slices.Contains(capturedFields, name) && !inCapture {
			continue // such as Proxy, which Apache drops
		}
		if name == "HTTP_HOST" {
			continue // added already
		}
		own.add(name, f.Value, source)
	}
	if m.body != nil && captured.has("HTTP_CONTENT_LENGTH") {
		own.add("HTTP_CONTENT_LENGTH", strconv.FormatInt(m.body.size(), 10), source)
	}
	if captured.count("HTTP_X_REPEATED") == 1 {
		joined := variables(nil)
		joined.join(own)
		own = joined
	}
	*v = append(*v, own...)
}

// join adds variables, values of one name joined.
func (v *variables) join(more variables) {
	for _, x := range more {
		separator := ", "
		if x.name == "HTTP_COOKIE" {
			separator = "; "
		}
		if v.has(x.name) {
			x.value = v.get(x.name) + separator + x.value
		}
		v.set(x.name, x.value, x.source)
	}
}

func (v variables) count(name string) (n int) {
	for _, x := range v {
		if x.name == name {
			n++
		}
	}
	return n
}

func (v variables) has(name string) bool { return v.count(name) > 0 }

// readCapture reads the capture of the server for this target and this kind of request.
func (r *Request) readCapture(l location, body bool) (variables, error) {
	server, variant, _ := strings.Cut(r.As, "-")
	name := server + "-" + r.Target.Protocol
	if variant != "" {
		name += "-" + variant
	}
	if l.script != "" {
		name += "-mounted"
	}
	text, err := fs.ReadFile(environ.Files, name+".txt")
	if err != nil {
		return nil, r.noCapture()
	}
	method := "GET "
	if body {
		method = "POST "
	}
	return parseCapture(string(text), "request: "+method)
}

// noCapture says which servers are known for the target's protocol.
func (r *Request) noCapture() error {
	entries, err := fs.ReadDir(environ.Files, ".")
	if err != nil {
		return err
	}
	var servers []string
	for _, entry := range entries {
		name := strings.TrimSuffix(entry.Name(), ".txt")
		server, variant, found := strings.Cut(name, "-"+r.Target.Protocol)
		if found && !strings.HasSuffix(variant, "-mounted") {
			servers = append(servers, server+variant)
		}
	}
	return cli.Usage(fmt.Errorf("--as %.64q is not known for %s", r.As, r.Target.Protocol), "it is one of "+strings.Join(servers, ", "))
}

// parseCapture returns the variables of the request that begins with that line.
func parseCapture(text, request string) (v variables, err error) {
	found := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch name, value, ok := strings.Cut(line, "="); {
		case strings.HasPrefix(line, request):
			found = true
		case found && line == "":
			return v, nil
		case found && ok:
			v.add(name, value, "")
		}
	}
	if !found {
		return nil, fmt.Errorf("a capture has no %s", request)
	}
	return v, nil
}
