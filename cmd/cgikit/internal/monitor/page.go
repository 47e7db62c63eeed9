package monitor

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

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway/demo"
)

var (
	//go:embed page.html
	pageHTML string

	//go:embed style.css
	styleCSS string
)

var pageTemplate = sync.OnceValue(func() *template.Template {
	functions := template.FuncMap{"number": number, "style": func() template.CSS { return demo.Style() + template.CSS(styleCSS) }}
	return template.Must(template.New("page").Funcs(functions).Parse(pageHTML))
})

// page is the data of the template.
type page struct {
	Target    string
	Serving   bool
	Uptime    time.Duration
	Now       Figures
	Requests  uint64
	Mean      string // of the durations
	Failures  uint64 // except those of clients
	Classes   []classRow
	Protocols []protocolStats
	Pool      *Pool
	Scripts   *cgi.Stats
	Reasons   []reasonRow
	Latency   []latencyRow
}

type classRow struct {
	Name  string
	Count uint64
}

type reasonRow struct {
	Reason string
	Count  uint64
}

// latencyRow is one bar of the histogram.
type latencyRow struct {
	Upto  string
	Count uint64
	Share int // of the longest bar, in per cent
}

func (m *Monitor) servePage(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	if err := pageTemplate().Execute(&body, m.page()); err != nil {
		http.Error(w, "The page cannot be rendered.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	_, _ = body.WriteTo(w) // an error means that the browser has gone
}

func (m *Monitor) page() page {
	p := page{
		Target:    m.Target,
		Serving:   m.Serving(),
		Uptime:    time.Since(m.Start).Truncate(time.Second),
		Now:       m.Ledger.Figures(),
		Protocols: m.protocols(),
	}
	p.Requests = p.Now.Requests()
	p.Mean = mean(p.Now.Seconds, p.Requests)
	for reason, n := range p.Now.Errors {
		p.Reasons = append(p.Reasons, reasonRow{reason, n})
		if reason != clientGone {
			p.Failures += n
		}
	}
	slices.SortFunc(p.Reasons, func(a, b reasonRow) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Reason, b.Reason))
	})
	p.Classes, p.Latency = classRows(p.Now.Classes), latencyRows(p.Now.Took)
	if m.Pool != nil {
		pool := m.Pool()
		p.Pool = &pool
	}
	if m.Scripts != nil {
		scripts := m.Scripts()
		p.Scripts = &scripts
	}
	return p
}

func mean(seconds float64, n uint64) string {
	if n == 0 {
		return "–"
	}
	return duration(time.Duration(seconds / float64(n) * float64(time.Second)))
}

func classRows(classes [classes]uint64) (rows []classRow) {
	for class, n := range classes {
		switch {
		case n == 0:
		case class == 0:
			rows = append(rows, classRow{"no answer", n})
		default:
			rows = append(rows, classRow{fmt.Sprintf("%dxx", class), n})
		}
	}
	return rows
}

func latencyRows(took [len(Bounds) + 1]uint64) (rows []latencyRow) {
	longest := max(slices.Max(took[:]), 1)
	for i, n := range took {
		name := "longer"
		if i < len(Bounds) {
			name = "up to " + duration(Bounds[i])
		}
		// rounded up, so that one request in a million shows
		share := int((100*n + longest - 1) / longest)
		rows = append(rows, latencyRow{name, n, share})
	}
	return rows
}

// duration formats a time with two or three digits. More digits would have no meaning.
func duration(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", d.Round(time.Microsecond).Microseconds())
	case d < time.Second:
		return strconv.FormatFloat(d.Round(100*time.Microsecond).Seconds()*1000, 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(d.Round(10*time.Millisecond).Seconds(), 'f', -1, 64) + " s"
}

// number writes large numbers in groups of three digits.
func number(v any) string {
	s := fmt.Sprint(v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u202f" + s[i:]
	}
	return s
}
