package main

import (
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// measureSpawn has the same program answer under "cgikit spawn" and under spawn-fcgi, over a new
// connection for each request. Workers accept by themselves, so that there should be no difference.
func measureSpawn(o options) error {
	c := applicationWork(o, peer.Managed(o.dir), work.All()[0], "", false)
	c.bounds = []rounds.Bound{{Of: "cgikit", To: "spawn-fcgi", Least: 0.97}}
	return c.run(o)
}
