package main

import (
	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// parts returns all parts. backend is the application that the web servers ask.
func parts(o options, backend *peer.Process) ([]part, error) {
	script, err := peer.PHPScript(o.dir)
	if err != nil {
		return nil, err
	}
	all := applications(o, script)
	all = append(all, proxied(o)...)
	all = append(all, webServers(o, backend.Addr)...)
	all = append(all, part{"SCGI application", "hello: a small response", "scgi", scgiComparison(o).rounds})
	scripts, err := fcgiwrapComparison(o)
	if err != nil {
		return nil, err
	}
	all = append(all,
		part{"CGI scripts over FastCGI", "hello: a shell script", "fastcgi", scripts.rounds},
		part{"CGI program", "start to exit", "cgikit", startContest})
	if o.full {
		all = append(all, part{"HTTP in, FastCGI out", "idle connections", "cgikit", func(o options, seen seen) (*rounds.Contest, error) {
			return idleWebServers(o, backend.Addr, seen)
		}})
	}
	files, err := fileParts(o)
	return append(all, files...), err
}

// applicationPeers are those that keep connections and do all works.
func applicationPeers(o options) []peer.Peer {
	return []peer.Peer{
		own(o, "cgikit", "work"), own(o, "cgikit+httpapp", "workhttp"), own(o, "nethttp.Server", "workstd"), own(o, "net/http/fcgi", "workfcgi"),
		peer.Libfcgi(o.dir, max(64, o.clients)), peer.FCGIPM(o.dir, o.clients), peer.PHPFPM(o.dir, o.clients),
	}
}

// applicationFloors answer hello only.
func applicationFloors(o options) []peer.Peer {
	return []peer.Peer{own(o, "constant", "constant"), own(o, "trivial", "trivial")}
}

// applications are those that a client of FastCGI asks on a unix socket.
func applications(o options, script string) (all []part) {
	for _, w := range work.All() {
		peers := applicationPeers(o)
		if w.Name == "hello" {
			peers = append(peers, applicationFloors(o)...)
		}
		all = append(all, part{"FastCGI application, kept connections", w.Name + ": " + w.Summary, "cgikit", applicationWork(o, peers, w, script, true).rounds})
	}
	hello := work.All()[0]
	all = append(all, part{"FastCGI application, kept connections", "latency of hello in open loop", "cgikit", func(o options, seen seen) (*rounds.Contest, error) {
		return latencyContest(o, script, append(applicationPeers(o), applicationFloors(o)...), seen)
	}})
	handlers := applicationWork(o, []peer.Peer{own(o, "cgikit+httpapp", "workhttp"), own(o, "net/http/fcgi", "workfcgi")}, hello, script, true)
	all = append(all, part{"FastCGI application, kept connections", "hello of an http.Handler", "cgikit+httpapp", handlers.rounds})
	all = append(all, part{"FastCGI application", "idle connections", "cgikit", func(o options, seen seen) (*rounds.Contest, error) {
		return idleApplications(o, script, seen)
	}})
	peers := append(applicationPeers(o), peer.Uwsgi(o.dir, "fastcgi", o.clients))
	for _, w := range streamWorks(o) {
		c := applicationWork(o, peers, w, script, false)
		c.unit, c.work = "MB", oneTransfer(func(p *peer.Process) load.Load { return w.FastCGI(p.Network, p.Addr, script, false) })
		all = append(all, part{"FastCGI application", w.Name + ": " + w.Summary, "cgikit", c.rounds})
	}
	return append(all, part{"FastCGI application, a connection for each request", "hello: " + hello.Summary, "cgikit", applicationWork(o, peers, hello, script, false).rounds})
}

func applicationWork(o options, peers []peer.Peer, w work.Work, script string, keep bool) comparison {
	return comparison{
		unit:  "requests",
		peers: peers,
		ready: func(_ string, p *peer.Process) error { return w.CheckFastCGI(p.Network, p.Addr, script, keep) },
		work: loaded(o, func(_ string, p *peer.Process) load.Load {
			return w.FastCGI(p.Network, p.Addr, script, keep)
		}),
	}
}

// webServers are those that take HTTP and ask the application at a unix socket by FastCGI.
func webServers(o options, backend string) (all []part) {
	gateway := func(name, server string) peer.Peer { return named(name, peer.Own(o.dir, "tcp", server, backend)) }
	nginx := func(keep bool) peer.Peer { return peer.Nginx(o.dir, "auto", peer.Site{Backend: backend, Keep: keep}) }
	kept := []peer.Peer{gateway("cgikit", "handler"), peer.Cgikit(o.dir, backend), peer.Gofast(o.dir, backend), nginx(true)}
	floors := []peer.Peer{gateway("net/http", "workserved"), gateway("trivial", "trivialclient")}
	for _, w := range work.All() {
		peers := append([]peer.Peer{}, kept...)
		if w.Name == "hello" {
			peers = append(peers, floors...)
		}
		all = append(all, part{"HTTP in, FastCGI out, kept connections", w.Name + ": " + w.Summary, "cgikit", webWork(o, peers, w).rounds})
	}
	stream := streamWorks(o)[0]
	c := webWork(o, append(kept[:len(kept):len(kept)], peer.Caddy(o.dir, o.caddy, backend)), stream)
	c.unit, c.work = "MB", oneTransfer(func(p *peer.Process) load.Load { return stream.HTTP(p.Addr, "/app/hello") })
	all = append(all, part{"HTTP in, FastCGI out", stream.Name + ": " + stream.Summary, "cgikit", c.rounds})
	hello := work.All()[0]
	fresh := []peer.Peer{gateway("cgikit", "newconn"), peer.Caddy(o.dir, o.caddy, backend), nginx(false)}
	return append(all, part{"HTTP in, FastCGI out, a connection for each request", "hello: " + hello.Summary, "cgikit", webWork(o, fresh, hello).rounds})
}

func webWork(o options, peers []peer.Peer, w work.Work) comparison {
	return comparison{
		unit:  "requests",
		peers: peers,
		ready: func(_ string, p *peer.Process) error { return w.CheckHTTP(p.Addr, "/app/hello") },
		work:  loaded(o, func(_ string, p *peer.Process) load.Load { return w.HTTP(p.Addr, "/app/hello") }),
	}
}

// proxied are applications with nginx in front.
func proxied(o options) []part {
	hello := work.All()[0]
	peers := []peer.Peer{
		own(o, "cgikit", "work"), own(o, "cgikit+httpapp", "workhttp"), own(o, "net/http/fcgi", "workfcgi"), own(o, "proxying", "workserved"),
		peer.Libfcgi(o.dir, max(64, o.clients)),
	}
	c := nginxComparison(o, peers, func(front *peer.Process) error { return hello.CheckHTTP(front.Addr, "/app/hello") },
		func(addr string) load.Load { return hello.HTTP(addr, "/app/hello") })
	return []part{{"Application with nginx in front", "hello: " + hello.Summary, "cgikit", c.rounds}}
}

// quickFiles is the most rounds of a large file without -full. Each takes as long as several of
// other work.
const quickFiles = 3

// fileParts send a large file. Only -full has the peers that copy it.
func fileParts(o options) (all []part, err error) {
	path, err := makeFile(o)
	if err != nil {
		return nil, err
	}
	servers := []fileServer{{"cgikit", []string{"file", path}}, {"sendfile", []string{"sendfile", path, "61440"}}}
	if o.full {
		servers = append(servers, fileServer{"nethttp.Server", []string{"stdfile", path}}, fileServer{"read and write", []string{"blocks", path, "65528"}})
	}
	for _, network := range []string{"unix", "tcp"} {
		c := fileComparison(o, network, servers)
		all = append(all, part{"FastCGI application over " + network, "a large file", "cgikit", func(o options, seen seen) (*rounds.Contest, error) {
			if !o.full {
				o.rounds = min(o.rounds, quickFiles)
			}
			return c.rounds(o, seen)
		}})
	}
	return all, nil
}
