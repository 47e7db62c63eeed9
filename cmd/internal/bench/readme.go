package main

import (
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/report"
)

// readmeTable is the table of ratios in the README. Its columns are the floor, which is the least
// that can do the work, and peers by what they are written in.
func readmeTable() report.Table {
	const app, kept, web = "FastCGI application", "FastCGI application, kept connections", "HTTP in, FastCGI out"
	return report.Table{
		Head: "work",
		Rows: []report.TableRow{
			{Name: "FastCGI, a small response", Deployment: kept, Work: "hello: "},
			{Name: "the same, from an `http.Handler`", Deployment: kept, Work: "hello of an http.Handler"},
			{Name: "FastCGI, a new connection for each", Deployment: app + ", a connection for each request", Work: "hello: "},
			{Name: "a body of 64 KB", Deployment: kept, Work: "post: "},
			{Name: "64 MB streamed", Deployment: app, Work: "stream: "},
			{Name: "a file of 1 GB", Deployment: app + " over unix", Work: "a large file"},
			{Name: "p99 at half the floor's rate", Deployment: kept, Work: "latency", Measure: 1},
			{Name: "memory of an idle connection", Deployment: app, Work: "idle connections"},
			{Name: "with nginx in front", Deployment: "Application with nginx in front", Work: "hello: "},
			{Name: "HTTP in, FastCGI out", Deployment: web + ", kept connections", Work: "hello: "},
			{Name: "the same, a new connection for each", Deployment: web + ", a connection for each request", Work: "hello: "},
			{Name: "SCGI, a small response", Deployment: "SCGI application", Work: "hello: "},
			{Name: "CGI scripts over FastCGI", Deployment: "CGI scripts over FastCGI", Work: "hello: "},
			{Name: "a CGI program in Go", Deployment: "CGI program", Work: "start to exit"},
		},
		Columns: []report.TableColumn{
			{Name: "a floor", Peers: []string{"constant", "sendfile", "floor", "empty", "trivial"}},
			{Name: "in Go", Peers: []string{"net/http/fcgi", "gofast", "caddy", "net/http/cgi"}},
			{Name: "in C", Peers: []string{"libfcgi", "nginx", "fcgiwrap"}},
			{Name: "others", Peers: []string{"php-fpm", "uwsgi", "proxying"}},
		},
	}
}

// writeMarkdown writes the table into the file that -markdown names, and puts it in the place of
// the one in the file that -readme names.
func writeMarkdown(o options, r *report.Report) error {
	var text strings.Builder
	if err := r.Markdown(&text, readmeTable()); err != nil {
		return err
	}
	if o.markdown != "" {
		if err := os.WriteFile(o.markdown, []byte(text.String()), 0o644); err != nil {
			return err
		}
	}
	if o.readme == "" {
		return nil
	}
	old, err := os.ReadFile(o.readme)
	if err != nil {
		return err
	}
	all, err := readmeTable().Replace(string(old), text.String())
	if err != nil {
		return err
	}
	return os.WriteFile(o.readme, []byte(all), 0o644)
}
