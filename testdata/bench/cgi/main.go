// Command cgi measures what a CGI program costs from start to exit, output to a pipe: an empty Go
// program, the hello app on cgikit, and the same app on net/http/cgi, built without cgo and as Go
// builds it by default. It prints each round, the medians and the ratios, and fails when a ratio is
// over its bound. Run it from anywhere in the module, on a machine that does nothing else:
//
//	go run ./testdata/bench/cgi
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// environment is about what Apache sends with a small request.
var environment = []string{
	"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "REQUEST_METHOD=GET", "QUERY_STRING=", "REQUEST_URI=/cgi-bin/hello",
	"SCRIPT_NAME=/cgi-bin/hello", "SCRIPT_FILENAME=/srv/cgi-bin/hello", "SERVER_SOFTWARE=bench", "SERVER_NAME=localhost",
	"SERVER_PORT=80", "REMOTE_ADDR=127.0.0.1", "REMOTE_PORT=50000", "HTTP_HOST=localhost", "HTTP_USER_AGENT=bench", "HTTP_ACCEPT=*/*",
	"PATH=/usr/local/bin:/usr/bin:/bin",
}

// candidate is a program to measure.
type candidate struct {
	name    string
	source  string // folder beside this file
	cgo     string // CGO_ENABLED; "" leaves it to Go
	program string
	rounds  []time.Duration // the median of each
}

// bounds are what the project promises, as a ratio of medians.
var bounds = []struct {
	of, to int // indexes of candidates
	most   float64
}{{1, 0, 1.2}, {1, 2, 0.8}, {1, 3, 0.6}}

func main() {
	rounds := flag.Int("rounds", 15, "number of rounds")
	runs := flag.Int("runs", 40, "starts of each program in a round")
	flag.Parse()
	if err := bench(*rounds, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func bench(rounds, runs int) error {
	dir, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	candidates := []*candidate{
		{name: "empty", source: "empty", cgo: "0"},
		{name: "cgikit", source: "cgikit", cgo: "0"},
		{name: "net/http/cgi", source: "nethttp", cgo: "0"},
		{name: "net/http/cgi, default build", source: "nethttp"},
	}
	for i, c := range candidates {
		if err := c.build(filepath.Join(dir, fmt.Sprint(i))); err != nil {
			return err
		}
	}
	for range rounds {
		if err := round(candidates, runs); err != nil {
			return err
		}
	}
	return report(candidates)
}

func (c *candidate) build(program string) error {
	c.program = program
	cmd := exec.Command("go", "build", "-o", program, "github.com/cgikit/cgikit/testdata/bench/cgi/"+c.source)
	if c.cgo != "" {
		cmd.Env = append(os.Environ(), "CGO_ENABLED="+c.cgo)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", c.source, err, out)
	}
	return nil
}

// round starts the programs in turn, so that what else the machine does strikes all of them.
func round(candidates []*candidate, runs int) error {
	times := make([][]time.Duration, len(candidates))
	for range runs {
		for i, c := range candidates {
			t, err := c.run()
			if err != nil {
				return fmt.Errorf("run %s: %w", c.name, err)
			}
			times[i] = append(times[i], t)
		}
	}
	for i, c := range candidates {
		c.rounds = append(c.rounds, median(times[i]))
	}
	return nil
}

// run starts the program once and returns the time until it has ended and all its output is read.
func (c *candidate) run() (time.Duration, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer r.Close()
	cmd := exec.Command(c.program)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment, w, os.Stderr
	start := time.Now()
	err = cmd.Start()
	w.Close()
	if err != nil {
		return 0, err
	}
	out, err := io.ReadAll(r)
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return 0, err
	}
	took := time.Since(start)
	if c.source != "empty" && !strings.HasSuffix(string(out), "Hello, world!\n") {
		return 0, fmt.Errorf("got %q", out)
	}
	return took, nil
}

func median(times []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(times))[len(times)/2]
}

func report(candidates []*candidate) error {
	for _, c := range candidates {
		fmt.Printf("%-28s median %s   rounds", c.name, milliseconds(median(c.rounds)))
		for _, t := range c.rounds {
			fmt.Print(" ", milliseconds(t))
		}
		fmt.Println(" ms")
	}
	var over []error
	for _, b := range bounds {
		of, to := candidates[b.of], candidates[b.to]
		ratio := float64(median(of.rounds)) / float64(median(to.rounds))
		fmt.Printf("%s / %s: %.2f, at most %.1f\n", of.name, to.name, ratio, b.most)
		if ratio > b.most {
			over = append(over, fmt.Errorf("%s is over its bound against %s", of.name, to.name))
		}
	}
	return errors.Join(over...)
}

func milliseconds(t time.Duration) string { return fmt.Sprintf("%.2f", float64(t)/1e6) }
