package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/rounds"
)

// environment is about what Apache sends with a small request.
var environment = []string{
	"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_METHOD=GET", "QUERY_STRING=", "REQUEST_URI=/cgi-bin/hello",
	"SCRIPT_NAME=/cgi-bin/hello", "SCRIPT_FILENAME=/srv/cgi-bin/hello", "SERVER_SOFTWARE=bench", "SERVER_NAME=localhost",
	"SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=50000", "HTTP_HOST=localhost", "HTTP_USER_AGENT=bench", "HTTP_ACCEPT=*/*",
	"PATH=/usr/local/bin:/usr/bin:/bin",
}

// program is one that is started again and again.
type program struct {
	name   string
	source string // its package in the folder program
	cgo    string // CGO_ENABLED; "" leaves it to Go
	path   string
}

// measureStart measures what a CGI program costs from start to exit, with its output to a pipe: an
// empty Go program, the hello application on cgikit, and the same on net/http/cgi, built without
// cgo and as Go builds it by default. The figure of a round is the median of its starts.
func measureStart(o options) error {
	contest, err := startContest(o, o.leftOut)
	if err != nil {
		return err
	}
	contest.Report(o.out)
	for _, e := range contest.Entries {
		fmt.Fprintf(o.out, "%s: %.2f ms from start to exit\n", e.Name, 1000/rounds.Median(e.Rates()))
	}
	return contest.Check()
}

func startContest(o options, _ seen) (*rounds.Contest, error) {
	contest := &rounds.Contest{Unit: "starts", Bounds: []rounds.Bound{
		{Of: "cgikit", To: "empty", Least: 0.83}, {Of: "cgikit", To: "net/http/cgi", Least: 1.25}, {Of: "cgikit", To: "net/http/cgi+cgo", Least: 1.67},
	}}
	for _, p := range []*program{
		{name: "empty", source: "empty", cgo: "0"}, {name: "cgikit", source: "cgikit", cgo: "0"},
		{name: "net/http/cgi", source: "nethttp", cgo: "0"}, {name: "net/http/cgi+cgo", source: "nethttp"},
	} {
		if !o.takes(p.name) {
			continue
		}
		if err := p.build(o); err != nil {
			return nil, err
		}
		contest.Entries = append(contest.Entries, &rounds.Entry{Name: p.name, Work: func() (rounds.Sample, error) { return p.starts(o.runs) }})
	}
	return contest, contest.Run(o.ctx, o.rounds, o.out)
}

func (p *program) build(o options) error {
	p.path = filepath.Join(o.dir, p.source+p.cgo)
	cmd := exec.Command("go", "build", "-o", p.path, "github.com/cgikit/cgikit/cmd/internal/bench/program/"+p.source)
	if p.cgo != "" {
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+p.cgo)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%.500s", p.source, err, out)
	}
	return nil
}

// starts starts the program n times, one after the other.
func (p *program) starts(n int) (s rounds.Sample, err error) {
	var times []float64
	for range n {
		took, cpu, err := p.start()
		if err != nil {
			return s, err
		}
		times = append(times, float64(took))
		s.CPU += cpu
	}
	s.Done = float64(n)
	s.Took = time.Duration(rounds.Median(times) * s.Done)
	return s, nil
}

// start returns the time until the program has ended and all its output is read.
func (p *program) start() (took, cpu time.Duration, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, 0, err
	}
	defer r.Close()
	cmd := exec.Command(p.path)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment, w, os.Stderr
	begin := time.Now()
	err = cmd.Start()
	w.Close()
	if err != nil {
		return 0, 0, err
	}
	out, err := io.ReadAll(r)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return 0, 0, err
	}
	took = time.Since(begin)
	if p.source != "empty" && !strings.HasSuffix(string(out), "Hello, world!\n") {
		return 0, 0, fmt.Errorf("printed %.200q", out)
	}
	return took, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), nil
}
