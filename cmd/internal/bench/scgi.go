package main

import (
	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// measureSCGI compares package scgi with a server that accepts, reads, writes a constant and
// closes, which is the least that answering a request on a connection of its own can cost in Go,
// and with uwsgi.
func measureSCGI(o options) error { return scgiComparison(o).run(o) }

func scgiComparison(o options) comparison {
	return comparison{
		unit:   "requests",
		peers:  []peer.Peer{own(o, "floor", "scgifloor"), own(o, "scgi", "scgi"), peer.Uwsgi(o.dir, "scgi", o.clients)},
		bounds: []rounds.Bound{{Of: "scgi", To: "floor", Least: 0.8}},
		work: loaded(o, func(_ string, p *peer.Process) load.Load {
			return load.SCGI(p.Addr, nil, "\r\n\r\n"+work.Hello)
		}),
	}
}
