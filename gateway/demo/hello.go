package demo

import (
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// greeting is the data of the first page.
type greeting struct {
	URL       string
	Request   *gateway.Request
	Variables []variable
}

type variable struct{ Name, Value string }

func serveHello(w gateway.ResponseWriter, r *gateway.Request) error {
	data := greeting{URL: util.RequestURI(r.Environ, true), Request: r}
	for name, value := range r.Environ.All() {
		data.Variables = append(data.Variables, variable{name, displayValue(name, value)})
	}
	return writePage(w, r, "200 OK", page{Name: "hello", Title: "Hello, world", Data: data})
}
