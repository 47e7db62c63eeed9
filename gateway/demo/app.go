package demo

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// App returns the demo application, which any number of requests may share. It keeps nothing
// between two requests.
func App() gateway.App { return gateway.AppFunc(serve) }

const (
	reads  = "GET, HEAD"
	writes = "GET, HEAD, POST"
)

// serve picks the page. A PATH_INFO that is missing, as at a mount point without a slash, is the
// greeting.
func serve(w gateway.ResponseWriter, r *gateway.Request) error {
	if misdirected(r) {
		return writePage(w, r, "421 Misdirected Request", page{
			Name: "problem", Title: "Not this host", Text: "This page is for this machine: ask for it by an address, or by localhost.",
		})
	}
	switch cmp.Or(r.Environ.Get("PATH_INFO"), "/") {
	case "/":
		return allow(w, r, reads, serveHello)
	case "/environ":
		return allow(w, r, reads, serveEnviron)
	case "/form":
		return allow(w, r, writes, serveForm)
	case "/file":
		return allow(w, r, reads, serveFile)
	case "/stream":
		return allow(w, r, reads, serveStream)
	case "/panic":
		return allow(w, r, reads, servePanic)
	}
	return writePage(w, r, "404 Not Found", page{Name: "problem", Title: "Not found", Text: "There is no such page here."})
}

// allow calls next for one of the methods, and names them to whoever came with another (RFC 9110
// section 15.5.6).
func allow(w gateway.ResponseWriter, r *gateway.Request, methods string, next gateway.AppFunc) error {
	if slices.Contains(strings.Split(methods, ", "), r.Environ.Get("REQUEST_METHOD")) {
		return next(w, r)
	}
	if err := w.Headers().Set("Allow", methods); err != nil {
		return err
	}
	return writePage(w, r, "405 Method Not Allowed", page{
		Name: "problem", Title: "Method not allowed", Text: "This page answers " + methods + " only.",
	})
}

// mount returns where the application is, as the path of a URL without a slash at its end. Stock
// nginx sends "/" for the root. One slash begins the path whatever SCRIPT_NAME is: two would make a
// link to another host of it.
func mount(r *gateway.Request) string {
	path := strings.Trim(r.Environ.Get("SCRIPT_NAME"), "/")
	if path == "" {
		return ""
	}
	return (&url.URL{Path: "/" + path}).EscapedPath()
}
