package main

import (
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/bench"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	targets "github.com/cgikit/cgikit/cmd/internal/target"
)

const benchHelp = `bench sends one request to TARGET again and again. It tells the rate, how many answers came in a
second, and the latency, how long each took. TARGET, PATH and the flags that describe the request
are those of "cgikit request".

Each of the -c connections sends its next request when the answer to the last is complete: a closed
loop. With -r, requests begin at a fixed rate, whether answers come or not: an open loop, which
shows the latency that users see. It then counts from the time at which the request was due,
otherwise from the start of the request, and always to the last byte of the answer. FastCGI and HTTP
connections are kept for further requests, unless --no-keep-conn is given. The result tells whether
they were kept.

A request is a success if its answer is complete and has a status below 400. All other requests are
errors, which are listed by kind. The rate and the latency count only successes.

--compare measures two targets in turns, in rounds of -z each. It tells the ratio of their rates,
and with five rounds or more an interval that contains the true ratio with a probability of 90 %. If
the interval contains 1, the measurement shows no difference. --sweep measures with several numbers
of connections, and names the smallest one that reaches 95 % of the best rate. For php-fpm, this is
a good value of pm.max_children.

The exit status is 0, or 1 if there was no success or a condition of --fail-if is true. A condition
is NAME OPERATOR VALUE. The names are p50 p75 p90 p95 p99 p99.9 mean max first-byte-p50
first-byte-p99, which are times; errors, a number or a percentage; rate; app-status; and ratio, of
--compare, which fails only if the condition is true for the whole interval.`

const benchExample = `  cgikit bench fastcgi+unix:/run/php/php-fpm.sock -c 2 -z 1s --root /srv/www /index.php
  cgikit bench -c 4 -n 1000 --fail-if 'p99>30s' --fail-if 'errors>0.1%' http://127.0.0.1:8080/
  cgikit bench -c 4 -r 200 -z 1s --warmup 100ms scgi://127.0.0.1:4000
  cgikit bench -c 2 -z 200ms --rounds 5 fastcgi://127.0.0.1:9000 --root /srv/www /index.php --compare fastcgi+unix:/run/php/php-fpm.sock
  cgikit bench -z 200ms --no-keep-conn --sweep c=1,2,4 fastcgi://127.0.0.1:9000 --root /srv/www /index.php
  cgikit bench -c 2 -n 20 --save new.json --plot new.svg --hdr new.hdr cgi:./hello.cgi`

// benching is what the verb bench was asked for.
type benching struct {
	askFlags
	messageFlags
	bench.Bench
	other string
}

func newBench(p *process) *cobra.Command {
	b := &benching{}
	c := &cobra.Command{
		Use:     "bench TARGET [PATH]",
		Short:   "Measure how many requests an application answers, and how fast",
		Long:    benchHelp,
		Example: benchExample,
		Args:    cobra.MaximumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			return b.run(c, p, args)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	b.addLoad(f)
	b.addModes(f)
	b.addContent(f)
	b.addVariables(f)
	b.askFlags.Add(f, 0)
	return c
}

func (b *benching) addLoad(f *pflag.FlagSet) {
	f.IntVarP(&b.Conns, "connections", "c", 50, "`number` of connections")
	f.Int64VarP(&b.Count, "requests", "n", 0, "`number` of requests, in place of a time (default as many as -z allows)")
	f.DurationVarP(&b.Span, "time", "z", 10*time.Second, "`time` in which requests begin; with --compare the time of a round, by default 1s")
	f.Float64VarP(&b.Rate, "rate", "r", 0, "`number` of requests that begin in a second, however long the answers take (default no fixed rate)")
	f.IntVar(&b.Multiplex, "streams", 1, "`number` of requests at the same time on each FastCGI connection")
	f.BoolVar(&b.Bench.NoKeep, "no-keep-conn", false, "make a new connection for each request")
	f.DurationVar(&b.Warmup, "warmup", 0, "`time` before the measurement, in which requests are sent but not counted, such as 1s (default none)")
	f.DurationVar(&b.RequestTimeout, "request-timeout", 10*time.Second, "`time` after which a request without a complete answer is an error")
}

func (b *benching) addModes(f *pflag.FlagSet) {
	f.StringArrayVar(&b.FailIf, "fail-if", nil, "exit with 1 if this `condition` is true, such as 'p99>10ms' (repeatable)")
	f.StringVar(&b.other, "compare", "", "another `target` to compare with TARGET")
	f.IntVar(&b.Rounds, "rounds", 7, "`number` of rounds of --compare")
	f.StringVar(&b.Sweep, "sweep", "", "measure with each number of connections of this `list`, such as c=1,2,4,...,64")
	f.BoolVar(&b.CSV, "csv", false, "write a line of comma-separated values for each result")
	f.StringVar(&b.HDR, "hdr", "", "write the percentiles to a `file`, in ms and in the text format of HdrHistogram")
	f.StringVar(&b.Plot, "plot", "", "draw the latency by percentile of all results to an SVG `file`")
	f.StringVar(&b.Save, "save", "", "keep the results in a `file`, for --from")
	f.StringArrayVar(&b.From, "from", nil, "also show the results of a `file` that --save wrote; without a TARGET, only these (repeatable)")
}

// run does what the flags say.
func (b *benching) run(c *cobra.Command, p *process, args []string) error {
	if err := b.setArguments(c, args); err != nil {
		return err
	}
	if _, err := b.palette(p, p.stdout); err != nil {
		return err
	}
	b.Bench.Request = b.messageFlags.Request
	b.Bench.Request.Streams = request.Streams{Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr}
	b.Bench.JSON, b.Bench.Quiet = b.askFlags.JSON, b.askFlags.Quiet
	ctx, interrupted, cancel := b.context(c.Context())
	defer cancel()
	err := b.Bench.Run(ctx)
	if err != nil && interrupted() {
		return cli.Exit(cli.StatusInterrupted)
	}
	return err
}

// setArguments reads TARGET, PATH and the target of --compare, and the times that depend on them.
func (b *benching) setArguments(c *cobra.Command, args []string) (err error) {
	changed := c.Flags().Changed
	switch {
	case !changed("time") && changed("requests"):
		b.Span = 0
	case !changed("time") && changed("compare"):
		b.Span = time.Second
	}
	b.setNames(c)
	if len(args) == 0 {
		return nil
	}
	if b.Target, err = targets.Parse(args[0], "fastcgi", "scgi", "cgi", "http"); err != nil {
		return err
	}
	if len(args) > 1 {
		b.Path = args[1]
	}
	if changed("compare") {
		other, err := targets.Parse(b.other, "fastcgi", "scgi", "cgi", "http")
		b.Compare = &other
		return err
	}
	return nil
}
