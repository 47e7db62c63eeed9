package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// engines are the columns of the table, each with the names of its servers.
var engines = []struct {
	name                                string
	app, handler, file, roles, patience string
}{
	{"net/http/fcgi alone", "", "fcgi", "", "fcgi", "fcgipatient"},
	{"`nethttp.Server`", "std", "stdhttp", "stdfile", "std", "stdpatient"},
	{"`fastcgi.Server`", "server", "serverhttp", "file", "roles", "patient"},
}

// measureEngines prints both engines, and what one of them is built on, as a Markdown table.
func measureEngines(o options) error {
	o.only = ""
	path, err := makeFile(o)
	if err != nil {
		return err
	}
	if err := allowFiles(o.conns + 100); err != nil {
		return err
	}
	speed, err := speeds(o)
	if err != nil {
		return err
	}
	head := "| |"
	for _, e := range engines {
		head += " " + e.name + " |"
	}
	fmt.Fprintf(o.out, "\n%s\n|---|%s\n", head, strings.Repeat("---|", len(engines)))
	for _, r := range engineRows(o, path, speed) {
		if err := r.print(o); err != nil {
			return err
		}
	}
	return nil
}

// engineRow is a line of the table. Its cells take a while to find out.
type engineRow struct {
	name string
	cell func(i int) (string, error) // of engine i
}

func engineRows(o options, path string, speed func(server string) string) []engineRow {
	either := func(i int) string { return cmp.Or(engines[i].app, engines[i].handler) }
	return []engineRow{
		{"requests a second through `httpapp`, net/http/fcgi's being 1", func(i int) (string, error) { return speed(engines[i].handler), nil }},
		{"the same, a `gateway.App`", func(i int) (string, error) { return speed(engines[i].app), nil }},
		{"allocations of a request through `httpapp`", func(i int) (string, error) { return allocations(o, engines[i].handler) }},
		{"the same, a `gateway.App`", func(i int) (string, error) { return allocations(o, engines[i].app) }},
		{"calls of the system that read + that write", func(i int) (string, error) { return socketCalls(o, either(i)) }},
		{"memory of an idle connection", func(i int) (string, error) { return idle(o, either(i)) }},
		{"a file goes by sendfile", func(i int) (string, error) { return bySendfile(o, engines[i].file, path) }},
		{"roles", func(i int) (string, error) { return roles(o, engines[i].roles) }},
		{"requests of a connection go on while another leaves 1 MB of body unread", func(i int) (string, error) { return patience(o, engines[i].patience) }},
	}
}

func (r engineRow) print(o options) error {
	fmt.Fprintf(o.out, "| %s |", r.name)
	for i := range engines {
		text, err := r.cell(i)
		if err != nil {
			return fmt.Errorf("%s: %w", engines[i].name, err)
		}
		fmt.Fprintf(o.out, " %s |", text)
	}
	fmt.Fprintln(o.out)
	return nil
}

// speeds runs the rounds of all engines, and returns a function that has the ratio of each to the
// first.
func speeds(o options) (func(server string) string, error) {
	c := comparison{unit: "requests", work: loaded(o, func(_ string, p *peer.Process) load.Load { return helloLoad(p) })}
	for _, server := range []string{"fcgi", "stdhttp", "serverhttp", "std", "server"} {
		c.peers = append(c.peers, own(o, server, server))
		c.bounds = append(c.bounds, rounds.Bound{Of: server, To: "fcgi"})
	}
	contest, err := c.rounds(o, o.leftOut)
	if err != nil { // all are servers of this program
		return nil, err
	}
	ratios := map[string]string{}
	for _, r := range contest.Comparisons() {
		ratios[r.Of] = fmt.Sprintf("%.1f", r.Rate.Median)
	}
	return func(server string) string { return ratios[server] }, nil
}

func allocations(o options, server string) (string, error) {
	if server == "" {
		return "", nil
	}
	p, err := startHello(o, server)
	if err != nil {
		return "", err
	}
	defer p.Stop()
	if _, _, err := helloLoad(p).Run(o.clients, o.span/4); err != nil { // fill the pools
		return "", err
	}
	before, err := p.Mallocs()
	if err != nil {
		return "", err
	}
	requests, _, err := helloLoad(p).Run(o.clients, o.span)
	if err != nil {
		return "", err
	}
	after, err := p.Mallocs()
	return fmt.Sprintf("%.0f", (after-before)/requests), err
}

func socketCalls(o options, server string) (string, error) {
	reads, writes, err := countSocketCalls(o, server)
	return fmt.Sprintf("%.1f + %.1f", reads, writes), err
}

func idle(o options, server string) (string, error) {
	p, err := startHello(o, server)
	if err != nil {
		return "", err
	}
	defer p.Stop()
	each, err := idleBytes(o, p, helloLoad(p))
	return fmt.Sprintf("%.0f KB", each/1024), err
}

func bySendfile(o options, server, path string) (string, error) {
	if server == "" {
		return "no", nil // net/http/fcgi has no way to it for an http.Handler
	}
	n, err := countFileCalls(o, server, path)
	return yes(n.sent == o.size), err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
