package demo

import (
	"bytes"
	_ "embed" // the pages
	"html/template"
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

//go:embed pages.html
var pagesHTML string

// pages parses the templates at the first use, since a CGI process that streams a file does not
// need them.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("pages").Funcs(template.FuncMap{"style": Style, "icon": Icon}).Parse(pagesHTML))
})

// page is the data of a template. Name selects the template.
type page struct {
	Name  string
	Title string
	Text  string
	Mount string // of the application, see mountPath
	Data  any
}

// pageFields returns fields that make a page safe even if it has text of an attacker: it runs no
// script, loads nothing, and cannot be framed by another site.
func pageFields() []headers.Field {
	return []headers.Field{
		{Name: "Content-Type", Value: "text/html; charset=utf-8"},
		{Name: "Content-Security-Policy", Value: Policy(Style(), "form-action 'self'")},
		{Name: "Cache-Control", Value: "no-store"},
	}
}

// writePage renders p before it sends anything, so that the client gets a complete page or an
// error.
func writePage(w gateway.ResponseWriter, r *gateway.Request, status string, p page) error {
	p.Mount = mountPath(r)
	var body bytes.Buffer
	if err := pages().ExecuteTemplate(&body, p.Name, p); err != nil {
		return err
	}
	fields := append(pageFields(), headers.Field{Name: "Content-Length", Value: strconv.Itoa(body.Len())})
	if err := startResponse(w, status, fields...); err != nil {
		return err
	}
	_, err := body.WriteTo(w)
	return err
}

// startResponse adds the fields and sets the status.
func startResponse(w gateway.ResponseWriter, status string, fields ...headers.Field) error {
	for _, f := range fields {
		if err := w.Headers().Add(f.Name, f.Value); err != nil {
			return err
		}
	}
	return w.Start(status)
}

// textFields returns the fields of a text that a browser shows while it arrives. Without nosniff a
// browser buffers the first kilobyte, and without X-Accel-Buffering nginx buffers the first page.
func textFields() []headers.Field {
	return []headers.Field{
		{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		{Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "X-Accel-Buffering", Value: "no"},
		{Name: "Cache-Control", Value: "no-store"},
	}
}
