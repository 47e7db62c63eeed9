package main

import (
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// measureNginx asks nginx, which asks the servers over kept connections of unix sockets: FastCGI
// beside proxying HTTP. The processor time is that of the servers, without nginx's.
func measureNginx(o options) error {
	if nginx := peer.Nginx(o.dir, "1", peer.Site{}); nginx.Missing != nil {
		return leftOut(nginx)
	}
	var fronts []*peer.Process
	defer func() {
		for _, f := range fronts {
			f.Stop()
		}
	}()
	addrs := map[*peer.Process]string{}
	return comparison{
		unit: "requests",
		peers: []peer.Peer{
			own(o, "proxying", "http"), own(o, "net/http/fcgi", "fcgi"), own(o, "server", "server"),
			own(o, "server+httpapp", "serverhttp"), own(o, "trivial", "trivial"), peer.Libfcgi(o.dir, max(64, o.clients)),
		},
		bounds: []rounds.Bound{
			{Of: "server", To: "proxying", Least: 0.95}, {Of: "server", To: "net/http/fcgi", Least: 2.2},
			{Of: "server+httpapp", To: "proxying", Least: 0.95}, {Of: "server+httpapp", To: "net/http/fcgi", Least: 2.2},
			{Of: "server", To: "libfcgi"},
		},
		ready: func(name string, p *peer.Process) error {
			front, err := frontOf(o, name, p)
			if err == nil {
				fronts, addrs[p] = append(fronts, front), front.Addr
			}
			return err
		},
		work: func(_ string, p *peer.Process) (float64, time.Duration, error) {
			return load.HTTP(addrs[p], "/app").Run(o.clients, o.span)
		},
	}.run(o)
}

// frontOf starts an nginx with one worker in front of a server.
func frontOf(o options, name string, p *peer.Process) (*peer.Process, error) {
	site := peer.Site{Backend: p.Addr, HTTP: name == "proxying", Keep: true}
	front, err := peer.Nginx(o.dir, "1", site).Start()
	if err != nil {
		return nil, err
	}
	if err := answers(front, "/app"); err != nil {
		front.Stop()
		return nil, err
	}
	return front, nil
}
