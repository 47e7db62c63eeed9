package request

import (
	"net"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// variable is one meta-variable, with the reason for its value.
type variable struct{ name, value, source string }

// variables are a request's, in the order in which they are sent. A name may occur more than once:
// nginx sends such.
type variables []variable

func (v *variables) add(name, value, source string) {
	*v = append(*v, variable{name, value, source})
}

// set replaces all variables of that name by one, in the place of the first, or adds it.
func (v *variables) set(name, value, source string) {
	for i, old := range *v {
		if old.name == name {
			(*v)[i] = variable{name, value, source}
			rest := append(variables(nil), (*v)[i+1:]...)
			rest.remove(name)
			*v = append((*v)[:i+1], rest...)
			return
		}
	}
	v.add(name, value, source)
}

func (v *variables) remove(name string) {
	kept := (*v)[:0]
	for _, x := range *v {
		if x.name != name {
			kept = append(kept, x)
		}
	}
	*v = kept
}

// get returns the last value of that name, "" for none.
func (v variables) get(name string) (value string) {
	for _, x := range v {
		if x.name == name {
			value = x.value
		}
	}
	return value
}

func (v variables) environ() *util.Environ {
	e := util.NewEnviron()
	for _, x := range v {
		e.Add(x.name, x.value)
	}
	return e
}

// sources of variables, as --explain-env names them.
const (
	fromDefault = "default"
	fromPath    = "PATH"
	fromRequest = "the request"
	fromFields  = "the fields"
	fromBody    = "the body"
)

// plainEnviron is what a web server sends that adds nothing of its own, in nginx's order.
func (m *message) plainEnviron(l location) variables {
	host, port := splitHost(fieldValue(m.fields, "Host"))
	var v variables
	v.add("QUERY_STRING", l.query, fromPath)
	v.add("REQUEST_METHOD", m.method, fromRequest)
	if value := fieldValue(m.fields, "Content-Type"); value != "" {
		v.add("CONTENT_TYPE", value, fromBody)
	}
	if m.body != nil {
		v.add("CONTENT_LENGTH", strconv.FormatInt(m.body.size(), 10), fromBody)
	}
	if l.file != "" {
		v.add("SCRIPT_FILENAME", l.file, l.fileSource(m.request))
	}
	v.add("SCRIPT_NAME", l.script, fromPath)
	if l.info != "" {
		v.add("PATH_INFO", l.info, fromPath)
	}
	v.add("REQUEST_URI", l.target, fromPath)
	v.add("DOCUMENT_URI", l.path, fromPath)
	v.add("DOCUMENT_ROOT", l.root, rootSource(m.request))
	v.add("SERVER_PROTOCOL", "HTTP/1.1", fromDefault)
	v.add("REQUEST_SCHEME", "http", fromDefault)
	v.add("GATEWAY_INTERFACE", "CGI/1.1", fromDefault)
	v.add("SERVER_SOFTWARE", "cgikit", fromDefault)
	v.add("REMOTE_ADDR", "127.0.0.1", fromDefault)
	v.add("REMOTE_PORT", "49152", fromDefault)
	v.add("SERVER_ADDR", "127.0.0.1", fromDefault)
	v.add("SERVER_PORT", port, fromFields)
	v.add("SERVER_NAME", host, fromFields)
	v.add("REDIRECT_STATUS", "200", fromDefault)
	v.addFields(m.fields)
	return v
}

// addFields adds the variables of the request's fields. Fields of one name are joined by ", " (RFC
// 3875 section 4.1.18), cookies by "; ".
func (v *variables) addFields(fields []headers.Field) {
	for _, f := range fields {
		if strings.EqualFold(f.Name, "Content-Type") || strings.EqualFold(f.Name, "Content-Length") {
			continue
		}
		name := variableName(f.Name)
		value := f.Value
		if before := v.get(name); before != "" {
			separator := ", "
			if name == "HTTP_COOKIE" {
				separator = "; "
			}
			value = before + separator + value
		}
		v.set(name, value, fromFields)
	}
}

// splitHost returns the name and the port of a Host field.
func splitHost(host string) (name, port string) {
	if name, port, err := net.SplitHostPort(host); err == nil {
		return name, port
	}
	return strings.Trim(host, "[]"), "80"
}

func (l location) fileSource(r *Request) string {
	switch {
	case r.ScriptFilename != "":
		return "--script-filename"
	case r.PHP != "":
		return "--php"
	case r.isOwnScript(l):
		return "TARGET"
	}
	return rootSource(r) + " and PATH"
}

func rootSource(r *Request) string {
	if r.Root != "" {
		return "--root"
	}
	return "the working folder"
}
