package main

import (
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
)

// streamMost is how many bytes a response of a stream has, unless -size is less.
const streamMost = 64 << 20

// streamWorks returns the works of a long response.
func streamWorks(o options) []work.Work { return work.Streams(min(o.size, streamMost)) }

// oneTransfer is the work of one long response, measured in megabytes.
func oneTransfer(l func(p *peer.Process) load.Load) func(string, *peer.Process) (float64, time.Duration, error) {
	return func(_ string, p *peer.Process) (float64, time.Duration, error) {
		size, took, err := l(p).RunOnce()
		return float64(size) / 1e6, took, err
	}
}
