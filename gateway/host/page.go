package host

import (
	"errors"
	"io"
	"net/url"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/headers"
)

// page is a short answer of the Handler's own.
type page struct{ status, location, text string }

// pageOf returns the page that tells of err, if that is a thing of this package.
func (x *relay) pageOf(err error) (page, bool) {
	if errors.Is(err, ErrFolder) {
		return pageOf(x.relocated(), err)
	}
	return pageOf(x.current, err)
}

func pageOf(r *gateway.Request, err error) (p page, ok bool) {
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrNotScript):
		return page{status: "404 Not Found", text: "There is nothing here.\n"}, true
	case errors.Is(err, errOutside):
		return page{status: "404 Not Found", text: "404 page not found\n"}, true // net/http's words
	case errors.Is(err, errConnect):
		return page{status: "405 Method Not Allowed", text: "This is no proxy.\n"}, true
	case errors.Is(err, ErrFolder):
		return page{status: movedStatus(r), location: withSlash(r), text: "The folder is at the path with a slash.\n"}, true
	}
	return page{}, false
}

// movedStatus keeps the method of what is no GET (RFC 9110 section 15.4.9).
func movedStatus(r *gateway.Request) string {
	if m := r.Environ.Get("REQUEST_METHOD"); m == "GET" || m == "HEAD" {
		return "301 Moved Permanently"
	}
	return "308 Permanent Redirect"
}

// withSlash is the path of r with a slash at its end. The folder was found by it, so it has no
// empty segment: it does not begin with two slashes, which would name a host.
func withSlash(r *gateway.Request) string {
	u := url.URL{Path: exchange.FullPath(r.Environ) + "/", RawQuery: r.Environ.Get("QUERY_STRING")}
	return u.String()
}

func (p page) fields() []headers.Field {
	fields := []headers.Field{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}
	if p.location != "" {
		fields = append(fields, headers.Field{Name: "Location", Value: p.location})
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
