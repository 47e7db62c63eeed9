package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// comparison has peers do the same work.
type comparison struct {
	unit   string // of the work, in the plural
	peers  []peer.Peer
	bounds []rounds.Bound

	// ready is called with each peer, and its name, when it listens; nil: nothing is checked.
	ready func(name string, p *peer.Process) error
	// work is one round of one peer. It returns how many pieces of work were done in what time.
	work func(name string, p *peer.Process) (done float64, took time.Duration, err error)

	// sample is called in place of work, if it is not nil, where more than a rate is measured: what
	// measures and asked name (see rounds.Contest). title says what the work is.
	sample   func(name string, p *peer.Process) (rounds.Sample, error)
	measures []rounds.Measure
	asked    float64
	title    string
}

// seen is called for each peer that is to take part: with its process, or with the reason why it
// does not.
type seen func(p peer.Peer, process *peer.Process, err error)

// leftOut writes which peers do not take part.
func (o options) leftOut(p peer.Peer, _ *peer.Process, err error) {
	if err != nil {
		fmt.Fprintf(o.out, "left out: %s: %v\n", p.Name, err)
	}
}

// run writes the rounds and the ratios. It returns an error that names the bounds that do not hold,
// and the peers that did not start.
func (c comparison) run(o options) error {
	contest, err := c.rounds(o, o.leftOut)
	if contest == nil {
		return err
	}
	contest.Report(o.out)
	return errors.Join(err, contest.Check())
}

// rounds starts the peers that are not missing, runs the rounds and stops them. It returns no
// contest if that fails, and a contest with an error if only some peers did not start.
func (c comparison) rounds(o options, seen seen) (*rounds.Contest, error) {
	contest := &rounds.Contest{Title: c.title, Unit: c.unit, Bounds: c.bounds, Measures: c.measures, Asked: c.asked}
	var failed []error
	for _, p := range c.peers {
		if !o.takes(p.Name) {
			continue
		}
		if err := p.Prepare(); err != nil {
			seen(p, nil, err)
			continue
		}
		process, err := c.start(p)
		seen(p, process, err)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s failed its first request: %w", p.Name, err))
			continue
		}
		defer process.Stop()
		contest.Entries = append(contest.Entries, c.entry(p, process))
	}
	if len(contest.Entries) == 0 {
		return nil, errors.Join(append(failed, errors.New("none of the servers can take part"))...)
	}
	if err := contest.Run(o.ctx, o.rounds, o.out); err != nil {
		return nil, err
	}
	return contest, errors.Join(failed...)
}

// start starts a peer, and looks at what it answers.
func (c comparison) start(p peer.Peer) (*peer.Process, error) {
	process, err := p.Start()
	if err != nil || c.ready == nil {
		return process, err
	}
	if err := c.ready(p.Name, process); err != nil {
		process.Stop()
		return nil, fmt.Errorf("%w%s", err, process.Log())
	}
	return process, nil
}

// entry measures the processor time of the work too.
func (c comparison) entry(p peer.Peer, process *peer.Process) *rounds.Entry {
	return &rounds.Entry{Name: p.Name, Work: func() (rounds.Sample, error) {
		before, err := process.CPU()
		if err != nil {
			return rounds.Sample{}, err
		}
		s, err := c.once(p.Name, process)
		if err != nil {
			return rounds.Sample{}, fmt.Errorf("%w%s", err, process.Log())
		}
		after, err := process.CPU()
		if s.CPU = after - before; p.LosesChildren {
			s.CPU = 0
		}
		return s, err
	}}
}

// once does the work of a round.
func (c comparison) once(name string, p *peer.Process) (s rounds.Sample, err error) {
	if c.sample != nil {
		return c.sample(name, p)
	}
	s.Done, s.Took, err = c.work(name, p)
	return s, err
}

// named returns the peer under another name.
func named(name string, p peer.Peer) peer.Peer {
	p.Name = name
	return p
}

// loaded is the work of a load that lasts as long as a round.
func loaded(o options, l func(name string, p *peer.Process) load.Load) func(string, *peer.Process) (float64, time.Duration, error) {
	return func(name string, p *peer.Process) (float64, time.Duration, error) {
		return l(name, p).Run(o.clients, o.span)
	}
}

// missing is the error of a benchmark that needs a peer which is missing.
func missing(p peer.Peer) error { return fmt.Errorf("left out: %s: %w", p.Name, p.Missing) }
