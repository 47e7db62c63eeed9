package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/gateway/listen"
)

// readyOptions are the flags of the readiness check and of php-fpm's status page.
type readyOptions struct {
	ready, status string
}

func (o *readyOptions) addFlags(f *pflag.FlagSet) {
	f.StringVar(&o.ready, "ready", readyAccepting, "`what` makes /readyz of --metrics answer 200: accepting, a target that accepts connections, even if it is busy; or strict, a target that answers")
	f.StringVar(&o.status, "status", "", "`path` of php-fpm's status page, such as /status: its figures become part of /metrics, and /readyz asks for it")
}

// The values of --ready.
const (
	readyAccepting = "accepting"
	readyStrict    = "strict"
)

const readyHint = "such as --metrics 0.0.0.0:9100 --ready strict --status /status"

// check finds mistakes in the flags. Name is the target.
func (o *readyOptions) check(name, metrics string) error {
	a, err := listen.Parse(name)
	switch {
	case o.ready != readyAccepting && o.ready != readyStrict:
		return cli.Usage(fmt.Errorf("unknown --ready %.64q", o.ready), "--ready is accepting or strict")
	case metrics == "" && o.ready != readyAccepting:
		return cli.Usage(errors.New("--ready needs --metrics"), readyHint)
	case metrics == "" && o.status != "":
		return cli.Usage(errors.New("--status needs --metrics"), readyHint)
	case err == nil && o.status != "" && a.Protocol != "fastcgi":
		return cli.Usage(fmt.Errorf("--status has no effect on a target of the kind %.32q", a.Protocol), "use it with fastcgi: targets: only php-fpm has such a page")
	}
	_, err = ping.NewProber(a, name, o.status, probeTimeout)
	return err
}

// probeTimeout bounds a probe. It is less than a second, since the kubelet waits that long by
// default for /readyz, which takes this time if the target is busy.
const probeTimeout = 500 * time.Millisecond

// setReady sets what m needs to ask the targets.
func (s *serving) setReady(m *monitor.Monitor, t *target) error {
	m.Ready = &monitor.Ready{Draining: s.launch.Monitor.Draining, Usable: t.usable, Strict: s.ready.ready == readyStrict, Log: s.launch.Log}
	probers, err := s.newProbers(t, probeTimeout)
	if err != nil || len(probers) == 0 {
		return err
	}
	var probes []probe
	for i, p := range probers {
		c := &monitor.Cached[*ping.Result]{Fetch: func() *ping.Result { return p.Probe(context.Background()) }}
		probes = append(probes, c.Get)
		name := append([]string{s.target}, s.options.fallbacks...)[i]
		m.Targets = append(m.Targets, monitor.Target{Name: name, Probe: c.Get, Queue: p.ReadQueue})
	}
	best := func() *ping.Result { return probeBest(probes) }
	m.Queue, m.Ready.Probe = probers[0].ReadQueue, best
	if s.ready.status != "" {
		m.PHP = best // php-fpm 8.2 counts processes wrongly for a second after FCGI_GET_VALUES
	}
	return nil
}

// newProbers returns a Prober of each target. Targets without connections, in this process or CGI
// scripts, have none: to run a script in each second may have effects.
func (s *serving) newProbers(t *target, timeout time.Duration) (probers []*ping.Prober, err error) {
	names := append([]string{s.target}, s.options.fallbacks...)
	if t.private != "" {
		names = []string{t.private}
	}
	for _, name := range names {
		a, err := listen.Parse(name)
		if err != nil || a.Protocol != "fastcgi" && a.Protocol != "scgi" {
			return nil, nil // openTarget has reported a mistake
		}
		prober, err := ping.NewProber(a, name, s.ready.status, timeout)
		if err != nil {
			return nil, err
		}
		probers = append(probers, prober)
	}
	return probers, nil
}

// probe asks one target.
type probe func() *ping.Result

// probeBest probes all targets at the same time. It returns the best result, the first of several:
// one target that can be reached is enough.
func probeBest(probes []probe) *ping.Result {
	results := make([]*ping.Result, len(probes))
	var wg sync.WaitGroup
	for i, p := range probes {
		wg.Go(func() { results[i] = p() })
	}
	wg.Wait()
	return slices.MinFunc(results, func(a, b *ping.Result) int { return cmp.Compare(a.State, b.State) })
}
