//go:build linux

package main

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// measureHello asks for the smallest response over kept connections of a unix socket, with nginx's variables.
func measureHello(s settings) error {
	c := &contest{unit: "requests", work: func(c *child) (float64, time.Duration, error) {
		return helloLoad(c).run(s.clients, s.span)
	}}
	for _, e := range []struct{ name, server string }{
		{"constant", "constant"}, {"trivial", "trivial"}, {"net/http/fcgi", "fcgi"},
		{"server", "server"}, {"server+httpapp", "serverhttp"}, {"StdServer", "std"},
	} {
		c.entries = append(c.entries, &entry{name: e.name, start: func() (*child, error) { return startHello(s, e.server) }})
	}
	if l := buildLibfcgi(s); l != nil {
		c.entries = append(c.entries, &entry{name: "libfcgi", start: func() (*child, error) { return checked(l()) }})
	}
	c.bounds = []bound{
		{"server", "constant", 0.65}, {"server", "trivial", 0.85}, {"server", "libfcgi", 0.95},
		{"server+httpapp", "net/http/fcgi", 4},
	}
	return c.run(s)
}

func helloLoad(c *child) load {
	return load{c.network, c.addr, appendGet(nil, 1, true), func() answer { return &tally{} }}
}

func startHello(s settings, server string) (*child, error) {
	return checked(startSelf(s.dir, "unix", []string{server}))
}

// checked looks at a first response: the same question must have the same answer everywhere.
func checked(c *child, err error) (*child, error) {
	if err != nil {
		return nil, err
	}
	got, err := askOnce(c)
	if err == nil && !strings.Contains(got, hello) {
		err = fmt.Errorf("answered %q", got)
	}
	if err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// askOnce returns the records of a response.
func askOnce(c *child) (string, error) {
	conn, err := net.Dial(c.network, c.addr)
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
		if err := t.take(buf[:n]); err != nil {
			return "", err
		}
		all = append(all, buf[:n]...)
	}
	return string(all), nil
}
