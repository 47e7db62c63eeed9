//go:build linux

package main

import (
	"cmp"
	"fmt"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// measureGateway asks web servers over kept connections, which ask the same FastCGI application,
// ours, over kept connections too, but for Caddy, which cannot. The floors are what net/http can do
// without an application, and with a client of FastCGI that could not do less.
func measureGateway(s settings) error {
	s.clients = cmp.Or(s.clients, 32)
	backend, err := contest.StartSelf(s.dir, "unix", []string{"backend"})
	if err != nil {
		return err
	}
	defer backend.Stop()
	c := &contest.Contest{Unit: "requests", Bounds: []contest.Bound{
		{Of: "cgikit", To: "caddy", Least: 3}, {Of: "cgikit", To: "gofast", Least: 3}, {Of: "cgikit", To: "nginx", Least: 0.35},
		{Of: "serve", To: "cgikit"}, {Of: "cgikit", To: "trivial"}, {Of: "cgikit", To: "net/http"},
	}}
	for _, e := range []struct{ name, server string }{
		{"net/http", "nethttp"}, {"trivial", "trivial"}, {"cgikit", "handler"}, {"gofast", "gofast"},
	} {
		c.Entries = append(c.Entries, &contest.Entry{Name: e.name, Start: func() (*contest.Child, error) {
			return contest.StartSelf(s.dir, "tcp", []string{e.server, backend.Addr})
		}})
	}
	for _, p := range []peer{cgikitServe(s), caddy(s), nginx(s, site{keep: true})} {
		c.Entries = p.appendTo(c.Entries, backend.Addr)
	}
	c.Ready = func() error { return sameAnswers(c.Entries, "/app/hello?x=1") }
	c.Work = func(c *contest.Child) (float64, time.Duration, error) {
		return contest.HTTPLoad(c.Addr, "/app/hello?x=1").Run(s.clients, s.span)
	}
	return c.Run(s.rounds, s.only)
}

// sameAnswers reports a server that answers something else than the others.
func sameAnswers(entries []*contest.Entry, path string) error {
	for _, e := range entries {
		got, err := get(e.Child.Addr, path)
		if err == nil && got != hello {
			err = fmt.Errorf("answered %.200q", got)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
	}
	return nil
}
