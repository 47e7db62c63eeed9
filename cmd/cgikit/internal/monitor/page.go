package monitor

import (
	"bytes"
	_ "embed" // the page, its style sheet and its script
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"sync"

	"github.com/cgikit/cgikit/gateway/demo"
)

var (
	//go:embed page.html
	pageHTML string

	//go:embed style.css
	styleCSS string

	//go:embed page.js
	pageJS string
)

var pageTemplate = sync.OnceValue(func() *template.Template {
	functions := template.FuncMap{"style": style, "script": func() template.JS { return template.JS(pageJS) }, "icon": demo.Icon}
	return template.Must(template.New("page").Funcs(functions).Parse(pageHTML))
})

func style() template.CSS { return demo.Style() + template.CSS(styleCSS) }

func (m *Monitor) servePage(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	if err := pageTemplate().Execute(&body, newStatus(m)); err != nil {
		http.Error(w, "The page cannot be rendered.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", demo.Policy(style(), "script-src "+demo.Hash(pageJS), "connect-src 'self'"))
	sendBody(w, "text/html; charset=utf-8", body.Bytes())
}

// serveStatus sends the figures of the page to its script. Other programs should use /metrics:
// the names here may change in any version.
func (m *Monitor) serveStatus(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(newStatus(m))
	if err != nil {
		http.Error(w, "The figures cannot be encoded.", http.StatusInternalServerError)
		return
	}
	sendBody(w, "application/json", body)
}

func sendBody(w http.ResponseWriter, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // an error means that the browser has gone
}
