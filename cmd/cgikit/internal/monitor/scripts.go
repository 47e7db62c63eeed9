package monitor

import "github.com/cgikit/cgikit/cgi"

// writeScripts writes the figures of CGI scripts.
func writeScripts(p *exposition, s cgi.Stats, target string) {
	p.metric("scripts_running", "gauge", "CGI scripts that run, also those that run on after their response.")
	p.sample("scripts_running", s.Running, "target", target)
	p.metric("scripts_queue", "gauge", "Requests that wait for a CGI script to end, because --concurrency of them run.")
	p.sample("scripts_queue", s.Waiting, "target", target)
	p.metric("scripts_started_total", "counter", "CGI scripts started.")
	p.sample("scripts_started_total", s.Started, "target", target)
	p.metric("scripts_refused_total", "counter", "Requests without a CGI script, because too many waited or none ended in time.")
	p.sample("scripts_refused_total", s.Refused, "target", target)
}
