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
	Name    string // the query begins with it
	Summary string
	Body    []byte // of the request; nil: a GET without one
	Size    int64  // bytes of the response, which the query names too; 0: as the work has it
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

// PieceSize is how many bytes an application writes at once when it streams.
const PieceSize = 32 << 10

// Streams returns the works of a long response whose length is not known before: as the server
// buffers it, and with a flush after each piece.
func Streams(size int64) []Work {
	text := fmt.Sprintf("%d MB streamed in pieces of %d KB", size>>20, PieceSize>>10)
	return []Work{{Name: "stream", Summary: text, Size: size}, {Name: "flush", Summary: text + ", each flushed", Size: size}}
}

// Query returns what names the work in a request.
func (w Work) Query() string {
	if w.Size > 0 {
		return fmt.Sprintf("%s=%d", w.Name, w.Size)
	}
	return w.Name
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
	case "stream", "flush":
		return bytes.Repeat([]byte{'x'}, int(w.Size))
	}
	return []byte(Hello)
}

// Variables returns what the request sets of a web server's variables. script is the file that a
// server of scripts runs; it may be empty.
func (w Work) Variables(script string) map[string]string {
	set := map[string]string{"QUERY_STRING": w.Query(), "REQUEST_METHOD": w.Method(), "REQUEST_URI": "/app/hello?" + w.Query()}
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
	l := load.FastCGI(network, addr, load.AppendBody(request, 1, w.Body), keep)
	l.Size = w.Size
	return l
}

// HTTP returns the load of the work at a web server, over kept connections.
func (w Work) HTTP(addr, path string) load.Load {
	var fields [][2]string
	for i := range w.echoed() {
		fields = append(fields, [2]string{Field(i + 1), fieldText(i + 1)})
	}
	l := load.HTTPRequest(addr, w.Method(), path+"?"+w.Query(), fields, w.Body)
	l.Size = w.Size
	return l
}
