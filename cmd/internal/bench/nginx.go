package main

import (
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// measureNginx asks nginx, which asks the servers over kept connections of unix sockets: FastCGI
// beside proxying HTTP.
func measureNginx(o options) error {
	if nginx := peer.Nginx(o.dir, "1", peer.Site{}); nginx.Missing != nil {
		return missing(nginx)
	}
	c := nginxComparison(o, []peer.Peer{
		own(o, "proxying", "http"), own(o, "net/http/fcgi", "fcgi"), own(o, "server", "server"),
		own(o, "server+httpapp", "serverhttp"), own(o, "trivial", "trivial"), peer.Libfcgi(o.dir, max(64, o.clients)),
	}, func(front *peer.Process) error { return answers(front, "/app") }, func(addr string) load.Load { return load.HTTP(addr, "/app") })
	c.bounds = []rounds.Bound{
		{Of: "server", To: "proxying", Least: 0.95}, {Of: "server", To: "net/http/fcgi", Least: 2.2},
		{Of: "server+httpapp", To: "proxying", Least: 0.95}, {Of: "server+httpapp", To: "net/http/fcgi", Least: 2.2},
		{Of: "server", To: "libfcgi"},
	}
	return c.run(o)
}

// nginxComparison has an nginx with one worker in front of each peer. "proxying" is asked by HTTP,
// the others by FastCGI. The processor time is that of the peers, without nginx's.
func nginxComparison(o options, peers []peer.Peer, check func(front *peer.Process) error, l func(addr string) load.Load) comparison {
	return comparison{
		unit:  "requests",
		peers: peers,
		ready: func(name string, p *peer.Process) (err error) {
			p.Front, err = peer.Nginx(o.dir, "1", peer.Site{Backend: p.Addr, HTTP: name == "proxying", Keep: true}).Start()
			if err != nil {
				return err
			}
			return check(p.Front)
		},
		work: func(_ string, p *peer.Process) (float64, time.Duration, error) {
			return l(p.Front.Addr).Run(o.clients, o.span)
		},
	}
}
