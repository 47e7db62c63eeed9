//go:build linux

package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"
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

// measureEngines prints both engines, and what one of them is built on, as the table of the README.
func measureEngines(s settings) error {
	s.size = min(s.size, 256<<20)
	path, err := makeFile(s)
	if err != nil {
		return err
	}
	if err := allowFiles(s.conns + 100); err != nil {
		return err
	}
	speed, err := speeds(s)
	if err != nil {
		return err
	}
	head := "| |"
	for _, e := range engines {
		head += " " + e.name + " |"
	}
	fmt.Printf("\n%s\n|---|%s\n", head, strings.Repeat("---|", len(engines)))
	return firstError(
		row("requests a second through `httpapp`, net/http/fcgi's being 1", func(i int) (string, error) { return speed(engines[i].handler), nil }),
		row("the same, a `gateway.App`", func(i int) (string, error) { return speed(engines[i].app), nil }),
		row("allocations of a request through `httpapp`", func(i int) (string, error) { return allocations(s, engines[i].handler) }),
		row("the same, a `gateway.App`", func(i int) (string, error) { return allocations(s, engines[i].app) }),
		row("calls of the system that read + that write", func(i int) (string, error) { return socketCalls(s, cmp.Or(engines[i].app, engines[i].handler)) }),
		row("memory of an idle connection", func(i int) (string, error) { return idle(s, cmp.Or(engines[i].app, engines[i].handler)) }),
		row("a file goes by sendfile", func(i int) (string, error) { return bySendfile(s, engines[i].file, path) }),
		row("roles", func(i int) (string, error) { return roles(s, engines[i].roles) }),
		row("requests of a connection go on while another leaves 1 MB of body unread", func(i int) (string, error) { return patience(s, engines[i].patience) }),
	)
}

func firstError(rows ...func() error) error {
	for _, r := range rows {
		if err := r(); err != nil {
			return err
		}
	}
	return nil
}

// row prints a line as its cells are found out: that takes a while.
func row(name string, cell func(i int) (string, error)) func() error {
	return func() error {
		fmt.Printf("| %s |", name)
		for i := range engines {
			text, err := cell(i)
			if err != nil {
				return fmt.Errorf("%s: %w", engines[i].name, err)
			}
			fmt.Printf(" %s |", text)
		}
		fmt.Println()
		return nil
	}
}

// speeds runs the rounds of all at once, and returns how to look the ratios up.
func speeds(s settings) (func(server string) string, error) {
	c := &contest.Contest{Unit: "requests", Work: func(c *contest.Child) (float64, time.Duration, error) { return helloLoad(c).Run(s.clients, s.span) }}
	for _, server := range []string{"fcgi", "stdhttp", "serverhttp", "std", "server"} {
		c.Entries = append(c.Entries, &contest.Entry{Name: server, Start: func() (*contest.Child, error) { return startHello(s, server) }})
	}
	if err := c.Run(s.rounds, s.only); err != nil {
		return nil, err
	}
	return func(server string) string {
		if e := c.Entry(server); e != nil {
			return fmt.Sprintf("%.1f", contest.Median(contest.Ratios(e.Rates, c.Entries[0].Rates)))
		}
		return ""
	}, nil
}

func allocations(s settings, server string) (string, error) {
	if server == "" {
		return "", nil
	}
	c, err := startHello(s, server)
	if err != nil {
		return "", err
	}
	defer c.Stop()
	if _, _, err := helloLoad(c).Run(s.clients, s.span/4); err != nil { // fill the pools
		return "", err
	}
	before, err := c.Mallocs()
	if err != nil {
		return "", err
	}
	requests, _, err := helloLoad(c).Run(s.clients, s.span)
	if err != nil {
		return "", err
	}
	after, err := c.Mallocs()
	return fmt.Sprintf("%.0f", (after-before)/requests), err
}

func socketCalls(s settings, server string) (string, error) {
	reads, writes, err := countSocketCalls(s, server)
	return fmt.Sprintf("%.1f + %.1f", reads, writes), err
}

func idle(s settings, server string) (string, error) {
	each, err := idleBytes(s, server)
	return fmt.Sprintf("%.0f KB", each/1024), err
}

func bySendfile(s settings, server, path string) (string, error) {
	if server == "" {
		return "no", nil // http.Handler's way to it is closed in net/http/fcgi
	}
	n, err := countFileCalls(s, server, path)
	return yes(n.sent == s.size), err
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
