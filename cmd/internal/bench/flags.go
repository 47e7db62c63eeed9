package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"
)

// parse reads the flags of a benchmark.
func parse(c command, args []string, errs io.Writer) (options, error) {
	o := c.usual
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		fmt.Fprintf(errs, "usage: go run ./cmd/internal/bench %s [FLAGS]\n\n%s\n\n", c.name, c.summary)
		flags.PrintDefaults()
	}
	flags.IntVar(&o.rounds, "rounds", cmp.Or(o.rounds, 7), "rounds of each server, 1 to 1000")
	flags.DurationVar(&o.span, "time", cmp.Or(o.span, time.Second), "time of a round")
	flags.IntVar(&o.clients, "clients", cmp.Or(o.clients, 16), "connections at the same time")
	flags.IntVar(&o.conns, "conns", 10_000, "idle connections of idle, all and engines")
	flags.IntVar(&o.runs, "runs", 20, "starts of each program in a round of cgi")
	flags.IntVar(&o.requests, "requests", cmp.Or(o.requests, 2000), "requests to each program in restart, such as 50000")
	flags.Int64Var(&o.size, "size", cmp.Or(o.size, 1<<30), "bytes of a file, a transfer or a stream; a stream of all has 64 MB at most")
	flags.StringVar(&o.only, "only", "", "comma `list` of the servers, or pairs such as http-scgi, to measure")
	flags.StringVar(&o.part, "part", "", "`text` in the name of each part of all to run, such as \"stream\"")
	flags.StringVar(&o.caddy, "caddy", "caddy", "Caddy's `program`, as \"GOBIN=DIR go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9\" makes it")
	flags.StringVar(&o.script, "script", "", "`program` for fcgiwrap to run in place of a shell script that prints hello")
	flags.BoolVar(&o.full, "full", false, "more rounds of all, longer ones, and a large file")
	flags.StringVar(&o.json, "json", "", "`file` for all and growth to write as JSON")
	flags.StringVar(&o.svg, "svg", "", "`file` for all and growth to write as a chart")
	flags.StringVar(&o.markdown, "markdown", "", "`file` for the table of ratios of all, as the README has it")
	flags.StringVar(&o.readme, "readme", "", "`file` in which to replace that table")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return o, flag.ErrHelp
		}
		return o, usageError{err}
	}
	o.lengthen(flags)
	return o, check(o, flags.Args())
}

// lengthen gives -full its values of the flags that are not given.
func (o *options) lengthen(flags *flag.FlagSet) {
	if !o.full {
		return
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["rounds"] {
		o.rounds = 9
	}
	if !given["time"] {
		o.span = 600 * time.Millisecond
	}
}

func check(o options, rest []string) error {
	switch {
	case len(rest) > 0:
		return usageError{fmt.Errorf("unexpected argument %.100q", strings.Join(rest, " "))}
	case o.rounds < 1 || o.rounds > 1000:
		return usageError{fmt.Errorf("-rounds %d is not from 1 to 1000", o.rounds)}
	case o.clients < 1 || o.conns < 1 || o.runs < 1 || o.requests < 1 || o.size < 1 || o.span <= 0:
		return usageError{errors.New("each number, and the time, has to be more than zero")}
	}
	return nil
}

// takes reports whether a server of that name is to take part.
func (o options) takes(name string) bool {
	if o.only == "" {
		return true
	}
	for one := range strings.SplitSeq(o.only, ",") {
		if one == name {
			return true
		}
	}
	return false
}
