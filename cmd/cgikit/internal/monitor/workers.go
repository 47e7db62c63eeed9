package monitor

import (
	"bytes"
	_ "embed" // the page
	"html/template"
	"net/http"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/spawn"
)

// Workers is the Monitor of a process manager: an http.Handler with /metrics, /healthz and a status
// page at /. Its fields must be set before it is used, and must not change later.
type Workers struct {
	Program string // as the user wrote it
	Start   time.Time
	Stats   func() spawn.Stats
}

// Handler returns the handler of all pages, which accepts the requests that Monitor.Handler does.
func (m *Workers) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /metrics", local(m.serveMetrics))
	mux.HandleFunc("GET /healthz", m.serveHealth)
	mux.HandleFunc("GET /{$}", local(m.servePage))
	return mux
}

func (m *Workers) serveMetrics(w http.ResponseWriter, _ *http.Request) {
	var p exposition
	writeWorkers(&p, m.Stats(), m.Program)
	writeProcess(&p, m.Start)
	p.send(w)
}

// serveHealth answers 200 while a worker runs, and 503 otherwise.
func (m *Workers) serveHealth(w http.ResponseWriter, _ *http.Request) {
	writeHealth(w, m.Stats().Workers > 0)
}

func (m *Workers) servePage(w http.ResponseWriter, _ *http.Request) {
	var body bytes.Buffer
	if err := workersTemplate().Execute(&body, workersPage{m.Program, time.Since(m.Start).Truncate(time.Second), m.Stats()}); err != nil {
		http.Error(w, "The page cannot be rendered.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Security-Policy", demo.Policy(style()))
	sendBody(w, "text/html; charset=utf-8", body.Bytes())
}

// workersPage is the data of the template.
type workersPage struct {
	Program string
	Uptime  time.Duration
	Stats   spawn.Stats
}

//go:embed workers.html
var workersHTML string

var workersTemplate = sync.OnceValue(func() *template.Template {
	functions := template.FuncMap{"style": style, "icon": demo.Icon, "number": number}
	return template.Must(template.New("workers").Funcs(functions).Parse(workersHTML))
})

// writeWorkers writes the processes of a program.
func writeWorkers(p *exposition, s spawn.Stats, program string) {
	p.metric("workers", "gauge", "Processes of the program; a stopping one was asked to end.")
	p.sample("workers", s.Workers, "state", "running", "target", program)
	p.sample("workers", s.Stopping, "state", "stopping", "target", program)
	p.metric("workers_queue", "gauge", "Requests that wait for a process, where that is known.")
	p.sample("workers_queue", s.Waiting, "target", program)
	p.metric("workers_started_total", "counter", "Processes started.")
	p.sample("workers_started_total", s.Started, "target", program)
	p.metric("workers_ended_total", "counter", "Processes that ended by themselves, regularly or not, or that were killed after the stop signal.")
	p.sample("workers_ended_total", s.Ended, "how", "regular", "target", program)
	p.sample("workers_ended_total", s.Crashed, "how", "crashed", "target", program)
	p.sample("workers_ended_total", s.Killed, "how", "killed", "target", program)
	p.metric("workers_reloads_total", "counter", "Rolling restarts.")
	p.sample("workers_reloads_total", s.Reloads, "target", program)
}
