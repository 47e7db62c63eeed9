// Package work has what the benchmarks ask of an application: the same of each, in whatever
// language it is. The query names the work.
package work

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
)

// Work is one request and the response to it.
type Work struct {
	Name    string // the query
	Summary string
	Body    []byte // of the request; nil: a GET without one
}

// Size is how many bytes the large response has.
const Size = 1 << 20

// Fields is how many fields of the request an echo sends back.
const Fields = 25

// Hello is the body of the small response.
const Hello = "hello\n"

// All returns the works: a small response, an echo of 25 fields of the request, a body of 64 KB
// that is read and counted, and a response of 1 MB.
func All() []Work {
	return []Work{
		{Name: "hello", Summary: "a small response"},
		{Name: "echo", Summary: "25 variables sent back"},
		{Name: "post", Summary: "a body of 64 KB read and counted", Body: make([]byte, 64<<10)},
		{Name: "large", Summary: "a response of 1 MB"},
	}
}

// Method returns the method of the request.
func (w Work) Method() string {
	if w.Body != nil {
		return "POST"
	}
	return "GET"
}

// Field returns the name of a field that an echo sends back, as HTTP has it. i is from 1 to Fields.
func Field(i int) string { return fmt.Sprintf("X-Field-%02d", i) }

// Variable returns the meta-variable of that field.
func Variable(i int) string { return fmt.Sprintf("HTTP_X_FIELD_%02d", i) }

// fieldText is what the field has.
func fieldText(i int) string { return strings.Repeat(strconv.Itoa(i), 8) }

// Answer returns the body of the right response.
func (w Work) Answer() []byte {
	switch w.Name {
	case "echo":
		var b []byte
		for i := range Fields {
			b = fmt.Appendf(b, "%s=%s\n", Variable(i+1), fieldText(i+1))
		}
		return b
	case "post":
		return fmt.Appendf(nil, "%d\n", len(w.Body))
	case "large":
		return bytes.Repeat([]byte{'x'}, Size)
	}
	return []byte(Hello)
}

// Variables returns what the request sets of a web server's variables. script is the file that a
// server of scripts runs; it may be empty.
func (w Work) Variables(script string) map[string]string {
	set := map[string]string{"QUERY_STRING": w.Name, "REQUEST_METHOD": w.Method(), "REQUEST_URI": "/app/hello?" + w.Name}
	if script != "" {
		set["SCRIPT_FILENAME"] = script
	}
	if w.Body != nil {
		set["CONTENT_LENGTH"], set["CONTENT_TYPE"] = strconv.Itoa(len(w.Body)), "application/octet-stream"
	}
	for i := range w.echoed() {
		set[Variable(i+1)] = fieldText(i + 1)
	}
	return set
}

func (w Work) echoed() int {
	if w.Name == "echo" {
		return Fields
	}
	return 0
}

// FastCGI returns the load of the work at an application, over kept connections or new ones.
func (w Work) FastCGI(network, addr, script string, keep bool) load.Load {
	request := load.AppendHead(nil, 1, w.Variables(script), keep)
	return load.FastCGI(network, addr, load.AppendBody(request, 1, w.Body), keep)
}

// HTTP returns the load of the work at a web server, over kept connections.
func (w Work) HTTP(addr, path string) load.Load {
	var fields [][2]string
	for i := range w.echoed() {
		fields = append(fields, [2]string{Field(i + 1), fieldText(i + 1)})
	}
	return load.HTTPRequest(addr, w.Method(), path+"?"+w.Name, fields, w.Body)
}
