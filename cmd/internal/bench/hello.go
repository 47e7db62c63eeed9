package main

import (
	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// measureHello asks for the smallest response over kept connections of a unix socket, with nginx's
// variables.
func measureHello(o options) error {
	return comparison{
		unit: "requests",
		peers: []peer.Peer{
			own(o, "constant", "constant"), own(o, "trivial", "trivial"), own(o, "net/http/fcgi", "fcgi"),
			own(o, "server", "server"), own(o, "server+httpapp", "serverhttp"), own(o, "nethttp.Server", "std"),
			peer.Libfcgi(o.dir, max(64, o.clients)),
		},
		bounds: []rounds.Bound{
			{Of: "server", To: "constant", Least: 0.65}, {Of: "server", To: "trivial", Least: 0.85}, {Of: "server", To: "libfcgi", Least: 0.95},
			{Of: "server+httpapp", To: "net/http/fcgi", Least: 4},
		},
		ready: func(_ string, p *peer.Process) error { return answersHello(p) },
		work:  loaded(o, func(_ string, p *peer.Process) load.Load { return helloLoad(p) }),
	}.run(o)
}

// own is a server of this program on a unix socket, under a name for the table.
func own(o options, name string, args ...string) peer.Peer {
	return named(name, peer.Own(o.dir, "unix", args...))
}

func helloLoad(p *peer.Process) load.Load {
	return load.FastCGI(p.Network, p.Addr, load.AppendGet(nil, 1, true), true)
}

// startHello starts a server of this program that gives the small response.
func startHello(o options, server string) (*peer.Process, error) {
	p, err := peer.StartSelf(o.dir, "unix", []string{server})
	if err != nil {
		return nil, err
	}
	if err := answersHello(p); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// answersHello looks at the first responses: they must be the same from all servers.
func answersHello(p *peer.Process) error {
	return work.All()[0].CheckFastCGI(p.Network, p.Addr, "", true)
}
