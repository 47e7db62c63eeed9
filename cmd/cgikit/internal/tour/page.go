package tour

import (
	"bytes"
	"cmp"
	_ "embed" // the page and its style sheet
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/util"
)

var (
	//go:embed page.html
	pageHTML string

	//go:embed style.css
	styleCSS string
)

var pageTemplate = sync.OnceValue(func() *template.Template {
	functions := template.FuncMap{"duration": duration, "style": style, "icon": demo.Icon}
	return template.Must(template.New("page").Funcs(functions).Parse(pageHTML))
})

func style() template.CSS { return demo.Style() + template.CSS(styleCSS) }

// page is the data of the template.
type page struct {
	Host     string // the Host of the request
	Columns  []column
	Rows     []row
	Answered int
}

// column is a deployment on the page.
type column struct {
	answer
	words
	Share int // of the longest time, in per cent
}

// servePage calls the deployments one after the other, so that they do not slow each other down.
func (t *Tour) servePage(w http.ResponseWriter, r *http.Request) {
	var answers []answer
	for _, d := range t.deployments {
		answers = append(answers, d.fetch(r))
	}
	var body bytes.Buffer
	if err := pageTemplate().Execute(&body, newPage(r.Host, answers)); err != nil {
		t.log.Error("the page cannot be rendered", "error", err)
		http.Error(w, "The page cannot be rendered.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", demo.Policy(style()))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	_, _ = body.WriteTo(w) // an error means that the browser has gone
}

func newPage(host string, answers []answer) page {
	p := page{Host: host}
	var environs []*util.Environ
	longest := slices.MaxFunc(answers, func(a, b answer) int { return cmp.Compare(a.Took, b.Took) }).Took
	for _, a := range answers {
		// rounded up, so that the shortest time shows
		share := int((100*a.Took + longest - 1) / max(longest, 1))
		p.Columns = append(p.Columns, column{a, describe(a, answers[0]), share})
		environs = append(environs, a.Environ)
		if a.Err == nil {
			p.Answered++
		}
	}
	p.Rows = compare(environs)
	return p
}

// duration formats a time with two or three digits. More digits would have no meaning.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Round(time.Microsecond).Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1f ms", d.Seconds()*1000)
	}
	return fmt.Sprintf("%d ms", d.Round(time.Millisecond).Milliseconds())
}
