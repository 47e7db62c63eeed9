package demo

import (
	"bytes"
	_ "embed" // the pages and their style sheet
	"html/template"
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/headers"
)

var (
	//go:embed pages.html
	pagesHTML string

	//go:embed style.css
	styleCSS string
)

// pages is parsed when the first page is asked for: a CGI process that streams a file has no use
// for it.
var pages = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("pages").Funcs(template.FuncMap{"style": Style}).Parse(pagesHTML))
})

// Style returns the style sheet of the demo's pages, for a page around them that is to look alike.
// It follows the reader's choice of light or dark.
func Style() template.CSS { return template.CSS(styleCSS) }

// page is what the templates get. Name picks the template.
type page struct {
	Name  string
	Title string
	Text  string
	Mount string // of the application, see mount
	Data  any
}

// pageFields keep a page from being more than text, whatever a client made of it: no script runs,
// nothing is loaded, no other site frames it.
func pageFields() []headers.Field {
	return []headers.Field{
		{Name: "Content-Type", Value: "text/html; charset=utf-8"},
		{Name: "Content-Security-Policy", Value: "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; " +
			"base-uri 'none'; frame-ancestors 'none'"},
		{Name: "Cache-Control", Value: "no-store"},
	}
}

// writePage renders p before it sends anything, so that a page is whole or an error.
func writePage(w gateway.ResponseWriter, r *gateway.Request, status string, p page) error {
	p.Mount = mount(r)
	var body bytes.Buffer
	if err := pages().ExecuteTemplate(&body, p.Name, p); err != nil {
		return err
	}
	fields := append(pageFields(), headers.Field{Name: "Content-Length", Value: strconv.Itoa(body.Len())})
	if err := begin(w, status, fields...); err != nil {
		return err
	}
	_, err := body.WriteTo(w)
	return err
}

// begin sets the status and adds the fields.
func begin(w gateway.ResponseWriter, status string, fields ...headers.Field) error {
	for _, f := range fields {
		if err := w.Headers().Add(f.Name, f.Value); err != nil {
			return err
		}
	}
	return w.Start(status)
}

// textFields are those of a text that is shown as it comes. Without nosniff a browser collects the
// first kilobyte, and nginx the first page, before the reader sees a line.
func textFields() []headers.Field {
	return []headers.Field{
		{Name: "Content-Type", Value: "text/plain; charset=utf-8"},
		{Name: "X-Content-Type-Options", Value: "nosniff"},
		{Name: "X-Accel-Buffering", Value: "no"},
		{Name: "Cache-Control", Value: "no-store"},
	}
}
