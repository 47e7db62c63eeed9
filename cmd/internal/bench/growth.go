package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/load"
	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/report"
	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// growing is a chart that is to be measured.
type growing struct {
	report.Chart
	comparison

	// at is one round of one peer with that number.
	at func(n int, name string, p *peer.Process) (done float64, took time.Duration, err error)
}

// measureGrowth measures what a request costs with more and more variables, and with more and more
// requests at the same time on a connection. All numbers of all peers take turns.
func measureGrowth(o options) error {
	g := &report.Growth{Began: time.Now(), Command: os.Args, Machine: report.ThisMachine()}
	g.Head(o.out)
	script, err := peer.PHPScript(o.dir)
	if err != nil {
		return err
	}
	backend, err := peer.StartSelf(o.dir, "unix", []string{"work"})
	if err != nil {
		return err
	}
	defer backend.Stop()
	var failed []error
	for _, one := range []growing{
		growingVariables(o, script), growingStreams(o), growingClientVariables(o, backend.Addr), growingClientStreams(o, backend.Addr),
	} {
		if err := context.Cause(o.ctx); err != nil {
			return err
		}
		chart, err := one.run(o)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", one.Title, err))
		}
		if len(chart.Lines) > 0 {
			chart.Text(o.out)
			g.Charts = append(g.Charts, chart)
		}
	}
	g.Took = time.Since(g.Began)
	fmt.Fprintf(o.out, "\ntook %v\n", g.Took.Round(time.Second))
	return errors.Join(append(failed, write(o.json, g.JSON), write(o.svg, g.SVG))...)
}

// run returns a chart without lines if no peer can take part.
func (g growing) run(o options) (report.Chart, error) {
	contest := &rounds.Contest{Unit: "requests"}
	var names []string
	var failed []error
	for _, p := range g.peers {
		if !o.takes(p.Name) {
			continue
		}
		process, err := g.begin(p)
		o.leftOut(p, process, err)
		if err != nil {
			if process != nil {
				failed = append(failed, err)
			}
			continue
		}
		defer process.Stop()
		names = append(names, p.Name)
		for _, n := range g.N {
			c := comparison{work: func(name string, p *peer.Process) (float64, time.Duration, error) { return g.at(n, name, p) }}
			contest.Entries = append(contest.Entries, c.entry(p, process))
		}
	}
	if len(names) == 0 {
		return g.Chart, errors.Join(failed...)
	}
	if err := contest.Run(o.ctx, o.rounds, io.Discard); err != nil {
		return g.Chart, err
	}
	for i, name := range names {
		l := report.Line{Name: name}
		for _, e := range contest.Entries[i*len(g.N) : (i+1)*len(g.N)] {
			l.CPU = append(l.CPU, rounds.Summarize(e.Costs()))
		}
		g.Lines = append(g.Lines, l)
	}
	return g.Chart, errors.Join(failed...)
}

// begin starts a peer, if it is not missing.
func (g growing) begin(p peer.Peer) (*peer.Process, error) {
	if err := p.Prepare(); err != nil {
		return nil, err
	}
	return g.start(p)
}

var (
	variableNumbers = []int{10, 30, 100, 300, 1000}
	streamNumbers   = []int{1, 3, 10, 30, 100, 300, 1000}
)

func growingVariables(o options, script string) growing {
	g := growing{Chart: report.Chart{Title: "FastCGI application, variables of a request", X: "variables", N: variableNumbers, Notes: variableNotes}}
	g.peers = append(applicationPeers(o), own(o, "trivial", "trivial"))
	g.at = func(n int, _ string, p *peer.Process) (float64, time.Duration, error) {
		all := load.SomeVariables(n)
		all[0][1] = script // SCRIPT_FILENAME
		request := load.AppendBody(load.AppendVariables(nil, 1, all, true), 1, nil)
		return load.FastCGI(p.Network, p.Addr, request, true).Run(o.clients, o.span)
	}
	return g
}

// serverStreams is how many requests fastcgi.Server has on a connection at most.
const serverStreams = 128

func growingStreams(o options) growing {
	g := growing{Chart: report.Chart{Title: "FastCGI application, requests at the same time on one connection", X: "requests", N: streamNumbers, Notes: streamNotes}}
	g.peers = []peer.Peer{
		own(o, "cgikit", "work"), own(o, "cgikit+httpapp", "workhttp"), own(o, "nethttp.Server", "workstd"), own(o, "net/http/fcgi", "workfcgi"),
		own(o, "trivial", "trivial"),
	}
	g.at = func(n int, name string, p *peer.Process) (float64, time.Duration, error) {
		conns := 1
		if name != "net/http/fcgi" && name != "trivial" {
			conns = (n + serverStreams - 1) / serverStreams
		}
		return load.FastCGIStreams(p.Network, p.Addr, n/conns).Run(conns, o.span)
	}
	return g
}

func growingClientVariables(o options, backend string) growing {
	g := growing{Chart: report.Chart{Title: "fastcgi.Client, variables of a request", X: "variables", N: variableNumbers, Notes: clientVariableNotes}}
	g.peers = clientPeers(o, backend)
	g.at = func(n int, _ string, p *peer.Process) (float64, time.Duration, error) {
		return driveClient(p, o.clients, n, o.span)
	}
	return g
}

func growingClientStreams(o options, backend string) growing {
	g := growing{Chart: report.Chart{Title: "fastcgi.Client, requests at the same time", X: "requests", N: streamNumbers, Notes: clientStreamNotes}}
	g.peers = clientPeers(o, backend)
	g.at = func(n int, _ string, p *peer.Process) (float64, time.Duration, error) {
		return driveClient(p, n, len(load.Variables(nil)), o.span)
	}
	return g
}

func clientPeers(o options, backend string) []peer.Peer {
	return []peer.Peer{own(o, "multiplexed", "client", backend, "multiplex"), own(o, "kept", "client", backend, "kept")}
}

// driveClient has a client send requests for a time.
func driveClient(p *peer.Process, streams, variables int, span time.Duration) (float64, time.Duration, error) {
	conn, err := net.Dial(p.Network, p.Addr)
	if err != nil {
		return 0, 0, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(span + time.Minute)); err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	if _, err := fmt.Fprintln(conn, streams, variables, int64(span)); err != nil {
		return 0, 0, err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return 0, 0, err
	}
	done, err := strconv.ParseFloat(strings.TrimSpace(line), 64)
	if err != nil {
		err = fmt.Errorf("the client reports %.500s", line)
	}
	return done, time.Since(begin), err
}

// Explanations of the charts, from profiles of the servers (BENCH_PROFILE).
const (
	variableNotes = `A straight line: each variable is decoded and kept, and httpapp adds it to the map of fields. The application gets two of
them. Environ.Get looks at one variable after the other, so that an application that gets all of them by name costs the square of
their number; Environ.All costs a straight line.`
	streamNotes = `It falls while one read brings more requests and one write takes more responses. With 1,000 it rises a little: each request
has a goroutine, or several with net/http/fcgi, whose stacks and memory the collector scans. fastcgi.Server and nethttp.Server have at most 128 requests on a
connection, so that they get 300 over 3 and 1,000 over 8; all others get them over one.`
	clientVariableNotes = `A straight line: each variable is copied into the request.`
	clientStreamNotes   = `It falls while one read brings more responses, or while fewer goroutines sleep. With 1,000 it rises: the collector scans the
stacks of as many goroutines. A shared connection carries 100 requests at most; a kept one carries one.`
)
