package main

import (
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// latencies are what is measured of the time from when a request was due to the end of its
// response.
var latencies = []rounds.Measure{{Name: "p50", Unit: "us"}, {Name: "p99", Unit: "us"}, {Name: "p99.9", Unit: "us"}}

// measureLatency sends requests at a fixed rate, in open loop.
func measureLatency(o options) error {
	script, err := peer.PHPScript(o.dir)
	if err != nil {
		return err
	}
	contest, err := latencyContest(o, script, append(applicationPeers(o), applicationFloors(o)...), o.leftOut)
	if contest == nil {
		return err
	}
	contest.Report(o.out)
	for _, e := range contest.Entries {
		fmt.Fprintf(o.out, "%s:", e.Name)
		for i, m := range contest.Measures {
			fmt.Fprintf(o.out, " %s %.0f %s", m.Name, rounds.Median(e.More(i)), m.Unit)
		}
		fmt.Fprintf(o.out, ", %.0f of %.0f requests/s\n", rounds.Median(e.Rates()), contest.Asked)
	}
	return err
}

// latencyContest asks each peer for the small response at half the rate of the floor, which is the
// constant server. A request is due at its time, whether others have been answered or not: a server
// that stops for a moment makes all requests late that are due meanwhile. One that cannot do the
// rate has a queue that grows for as long as the round lasts.
func latencyContest(o options, script string, peers []peer.Peer, seen seen) (*rounds.Contest, error) {
	rate, err := halfRate(o)
	if err != nil {
		return nil, err
	}
	hello := work.All()[0]
	c := applicationWork(o, peers, hello, script, true)
	c.sample = func(_ string, p *peer.Process) (rounds.Sample, error) {
		l := hello.FastCGI(p.Network, p.Addr, script, true)
		done, took, times, err := l.RunAt(rate, o.clients, o.span)
		return rounds.Sample{Done: done, Took: took, More: quantiles(times)}, err
	}
	c.measures, c.asked, c.title = latencies, rate, fmt.Sprintf("%.0f requests/s are due", rate)
	return c.rounds(o, seen)
}

func quantiles(h *hdrhistogram.Histogram) []float64 {
	micros := func(p float64) float64 { return float64(h.ValueAtQuantile(p)) / float64(time.Microsecond) }
	return []float64{micros(50), micros(99), micros(99.9)}
}

// halfRate measures how many requests the constant server answers in a second, and returns half of
// that.
func halfRate(o options) (float64, error) {
	p, err := startHello(o, "constant")
	if err != nil {
		return 0, err
	}
	defer p.Stop()
	var rates []float64
	for range 3 {
		done, took, err := helloLoad(p).Run(o.clients, o.span)
		if err != nil {
			return 0, err
		}
		rates = append(rates, done/took.Seconds())
	}
	return rounds.Median(rates) / 2, nil
}
