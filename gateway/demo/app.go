package demo

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"github.com/cgikit/cgikit/gateway"
)

// App returns the demo application. It is safe for concurrent use, and keeps nothing between two
// requests.
func App() gateway.App { return gateway.AppFunc(serve) }

const (
	readMethods  = "GET, HEAD"
	writeMethods = "GET, HEAD, POST"
)

// serve selects the page by PATH_INFO. If that is missing, as at a mount point without a slash, the
// page is the greeting.
func serve(w gateway.ResponseWriter, r *gateway.Request) error {
	if misdirected(r) {
		return writePage(w, r, "421 Misdirected Request", page{
			Name: "problem", Title: "Not this host", Text: "This page is only available on this machine: open it by an IP address or as localhost.",
		})
	}
	switch cmp.Or(r.Environ.Get("PATH_INFO"), "/") {
	case "/":
		return allowMethods(w, r, readMethods, serveHello)
	case "/environ":
		return allowMethods(w, r, readMethods, serveEnviron)
	case "/form":
		return allowMethods(w, r, writeMethods, serveForm)
	case "/file":
		return allowMethods(w, r, readMethods, serveFile)
	case "/stream":
		return allowMethods(w, r, readMethods, serveStream)
	case "/panic":
		return allowMethods(w, r, readMethods, servePanic)
	}
	return writePage(w, r, "404 Not Found", page{Name: "problem", Title: "Not found", Text: "There is no such page here."})
}

// allowMethods calls next if the request has one of the methods, and otherwise answers 405 with
// their names (RFC 9110 section 15.5.6).
func allowMethods(w gateway.ResponseWriter, r *gateway.Request, methods string, next gateway.AppFunc) error {
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

// mountPath returns the mount point of the application, as the path of a URL without a slash at its
// end. Stock nginx sends "/" for the root. The path begins with exactly one slash, whatever
// SCRIPT_NAME is: two slashes would make a link to another host.
func mountPath(r *gateway.Request) string {
	path := strings.Trim(r.Environ.Get("SCRIPT_NAME"), "/")
	if path == "" {
		return ""
	}
	return (&url.URL{Path: "/" + path}).EscapedPath()
}
