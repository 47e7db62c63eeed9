package main

import (
	"fmt"
	"io"
	"net/http"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// gatewayPath is the one that the application in the "backend" server answers.
const gatewayPath = "/app/hello?x=1"

// measureGateway asks web servers over kept connections, which ask the same FastCGI application of
// this module. They keep connections to it, except for Caddy, which cannot. The floors are net/http
// without an application, and net/http with the least client of FastCGI.
func measureGateway(o options) error {
	backend, err := peer.StartSelf(o.dir, "unix", []string{"backend"})
	if err != nil {
		return err
	}
	defer backend.Stop()
	gateway := func(name, server string) peer.Peer { return named(name, peer.Own(o.dir, "tcp", server, backend.Addr)) }
	return comparison{
		unit: "requests",
		peers: []peer.Peer{
			gateway("net/http", "http"), gateway("trivial", "trivialclient"), gateway("cgikit", "handler"), peer.Gofast(o.dir, backend.Addr),
			peer.Cgikit(o.dir, backend.Addr), peer.Caddy(o.dir, o.caddy, backend.Addr),
			peer.Nginx(o.dir, "auto", peer.Site{Backend: backend.Addr, Keep: true}),
		},
		bounds: []rounds.Bound{
			{Of: "cgikit", To: "caddy", Least: 3}, {Of: "cgikit", To: "gofast", Least: 3}, {Of: "cgikit", To: "nginx", Least: 0.35},
			{Of: "serve", To: "cgikit"}, {Of: "cgikit", To: "trivial"}, {Of: "cgikit", To: "net/http"},
		},
		ready: func(_ string, p *peer.Process) error { return answers(p, gatewayPath) },
		work:  loaded(o, func(_ string, p *peer.Process) load.Load { return load.HTTP(p.Addr, gatewayPath) }),
	}.run(o)
}

// answers reports a web server whose response is not that of the application.
func answers(p *peer.Process, path string) error {
	resp, err := http.Get("http://" + p.Addr + path)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && string(text) != work.Hello {
		err = fmt.Errorf("answered %s, %.200q", resp.Status, text)
	}
	return err
}
