//go:build linux

package main

import (
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// measureHello asks for the smallest response over kept connections of a unix socket, with nginx's
// variables.
func measureHello(s settings) error {
	c := &contest.Contest{Unit: "requests", Work: func(c *contest.Child) (float64, time.Duration, error) {
		return helloLoad(c).Run(s.clients, s.span)
	}}
	for _, e := range []struct{ name, server string }{
		{"constant", "constant"}, {"trivial", "trivial"}, {"net/http/fcgi", "fcgi"},
		{"server", "server"}, {"server+httpapp", "serverhttp"}, {"nethttp.Server", "std"},
	} {
		c.Entries = append(c.Entries, &contest.Entry{Name: e.name, Start: func() (*contest.Child, error) { return startHello(s, e.server) }})
	}
	if l := buildLibfcgi(s); l != nil {
		c.Entries = append(c.Entries, &contest.Entry{Name: "libfcgi", Start: func() (*contest.Child, error) { return checked(l()) }})
	}
	c.Bounds = []contest.Bound{
		{Of: "server", To: "constant", Least: 0.65}, {Of: "server", To: "trivial", Least: 0.85}, {Of: "server", To: "libfcgi", Least: 0.95},
		{Of: "server+httpapp", To: "net/http/fcgi", Least: 4},
	}
	return c.Run(s.rounds, s.only)
}

func helloLoad(c *contest.Child) contest.Load {
	return contest.Load{
		Network: c.Network,
		Addr:    c.Addr,
		Request: appendGet(nil, 1, true),
		Answer:  func() contest.Answer { return &tally{} },
	}
}

func startHello(s settings, server string) (*contest.Child, error) {
	return checked(contest.StartSelf(s.dir, "unix", []string{server}))
}

// checked looks at a first response: the same question must have the same answer everywhere.
func checked(c *contest.Child, err error) (*contest.Child, error) {
	if err != nil {
		return nil, err
	}
	got, err := askOnce(c)
	if err == nil && !strings.Contains(got, hello) {
		err = fmt.Errorf("answered %q", got)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

// askOnce returns the records of a response.
func askOnce(c *contest.Child) (string, error) {
	conn, err := net.Dial(c.Network, c.Addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := conn.Write(appendGet(nil, 1, true)); err != nil {
		return "", err
	}
	var t tally
	var all []byte
	for buf := make([]byte, 4096); !t.whole(1); {
		n, err := conn.Read(buf)
		if err != nil {
			return "", err
		}
		if err := t.Take(buf[:n]); err != nil {
			return "", err
		}
		all = append(all, buf[:n]...)
	}
	return string(all), nil
}
