package host

import (
	"errors"
	"io"
	"net/url"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/headers"
)

// page is a short answer that the Handler makes itself.
type page struct{ status, location, allow, text string }

// errorPage returns the page for err, if err is an error of this package.
func (x *relay) errorPage(err error) (page, bool) {
	if errors.Is(err, ErrFolder) {
		return errorPage(x.requestBelowMount(), err)
	}
	return errorPage(x.current, err)
}

func errorPage(r *gateway.Request, err error) (p page, ok bool) {
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrNotScript):
		return page{status: "404 Not Found", text: "There is nothing here.\n"}, true
	case errors.Is(err, errOutside):
		return page{status: "404 Not Found", text: "404 page not found\n"}, true // the text of net/http
	case errors.Is(err, errConnect):
		return page{status: "405 Method Not Allowed", allow: exchange.AllowWithoutConnect, text: "This server is not a proxy.\n"}, true
	case errors.Is(err, ErrDenied):
		return page{status: "403 Forbidden", text: "This path is not served.\n"}, true
	case errors.Is(err, ErrFolder):
		return page{status: movedStatus(r), location: withSlash(r), text: "The folder is at the path with a slash.\n"}, true
	}
	return page{}, false
}

// movedStatus returns a status that keeps the method of the request: 308 for other methods than GET
// and HEAD (RFC 9110 section 15.4.9).
func movedStatus(r *gateway.Request) string {
	if m := r.Environ.Get("REQUEST_METHOD"); m == "GET" || m == "HEAD" {
		return "301 Moved Permanently"
	}
	return "308 Permanent Redirect"
}

// withSlash returns the path of r with a slash at its end. A folder was found by this path, so it
// has no empty segment. It does not begin with two slashes, which would be a host in a Location.
func withSlash(r *gateway.Request) string {
	u := url.URL{Path: exchange.FullPath(r.Environ) + "/", RawQuery: r.Environ.Get("QUERY_STRING")}
	return u.String()
}

func (p page) fields() []headers.Field {
	fields := []headers.Field{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}
	if p.location != "" {
		fields = append(fields, headers.Field{Name: "Location", Value: p.location})
	}
	if p.allow != "" {
		fields = append(fields, headers.Field{Name: "Allow", Value: p.allow})
	}
	return fields
}

func (p page) send(w gateway.ResponseWriter) error {
	for _, f := range p.fields() {
		if err := w.Headers().Set(f.Name, f.Value); err != nil {
			return err
		}
	}
	if err := w.Start(p.status); err != nil {
		return err
	}
	_, err := io.WriteString(w, p.text)
	return err
}
