package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
)

// Bench is one run of the verb.
type Bench struct {
	// Request says what is sent. Its Streams are those of the verb. A Target without a Name means
	// that nothing is sent: the results in From are shown.
	Request request.Request

	Conns          int           // requests under way at the same time, if Multiplex is 1
	Multiplex      int           // requests under way on each FastCGI connection; 0 is 1
	NoKeep         bool          // each request has a connection of its own
	Count          int64         // requests; 0 is no bound
	Span           time.Duration // in which requests begin; 0 is no bound
	Warmup         time.Duration
	Rate           float64       // requests a second, whatever the answers take; 0 is one after another
	RequestTimeout time.Duration // of each request

	Compare *target.Target // nil for none
	Rounds  int            // of Compare
	Sweep   string         // "c=1,2,4"; empty for none

	FailIf []string // conditions under which the exit status is 1
	Files
	JSON, CSV, Quiet bool
}

// Files are what is read and written beside standard output; empty for none.
type Files struct {
	HDR  string   // percentiles as HdrHistogram writes them
	Plot string   // a chart, as SVG
	Save string   // results, for From
	From []string // files of Save, whose results are shown too
}

// The bounds of the flags.
const (
	mostConns  = 20_000
	mostRounds = 1000
	mostStream = 1024
	mostBytes  = 256 << 20 // of the encoded requests
)

// Run measures and writes what it finds. When ctx ends it writes what there is by then. An error
// has an exit status: 1 for a target that does not answer and for a condition that is true.
func (b *Bench) Run(ctx context.Context) error {
	run, err := b.prepare()
	if err != nil {
		return err
	}
	defer run.files.discard()
	switch {
	case b.Request.Target.Name == "":
	case b.Compare != nil:
		err = run.runComparison(ctx)
	case b.Sweep != "":
		err = run.runSweep(ctx)
	default:
		err = run.runSingle(ctx)
	}
	if err != nil {
		return err
	}
	return run.finish(ctx)
}

// run is a Bench that runs, and what it has found.
type run struct {
	*Bench
	conditions []condition
	sizes      []int // of Sweep
	files      *files
	results    []*Data
	from       []*Data
	ratio      *ratio // of Compare
	knee       int    // of Sweep; 0: not found
	live       *cli.Live
	out        io.Writer // text for people: io.Discard with another form of output
}

// prepare checks everything that can be checked before the first request.
func (b *Bench) prepare() (*run, error) {
	for _, check := range []func() error{b.checkNumbers, b.checkModes, b.checkTarget} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	r := &run{Bench: b, live: cli.NewLive(b.Request.Stderr), out: b.Request.Stdout}
	if b.JSON || b.CSV || b.Quiet {
		r.out = io.Discard
	}
	if b.Quiet {
		r.live = new(cli.Live)
	}
	for _, text := range b.FailIf {
		c, err := parseCondition(text, b.Compare != nil)
		if err != nil {
			return nil, err
		}
		r.conditions = append(r.conditions, c)
	}
	var err error
	if r.sizes, err = parseSweep(b.Sweep); err != nil {
		return nil, err
	}
	if r.from, err = readResults(b.From); err != nil {
		return nil, err
	}
	r.files, err = b.openFiles()
	return r, err
}

func (b *Bench) checkNumbers() error {
	switch {
	case b.Conns < 1 || b.Conns > mostConns:
		return cli.Usage(fmt.Errorf("-c %d is not from 1 to %d", b.Conns, mostConns), "-c is how many connections ask at the same time")
	case b.Multiplex < 0 || b.Multiplex > mostStream:
		return cli.Usage(fmt.Errorf("--streams %d is not from 1 to %d", b.Multiplex, mostStream), "")
	case b.Count < 0 || b.Span < 0 || b.Warmup < 0 || b.Rate < 0:
		return cli.Usage(errors.New("a number or a time is negative"), "-n, -z, -r and --warmup are not")
	case b.Count == 0 && b.Span == 0:
		return cli.Usage(errors.New("neither -n nor -z bounds the run"), "such as -z 10s")
	case b.RequestTimeout < time.Millisecond:
		return cli.Usage(fmt.Errorf("--request-timeout %v is too short", b.RequestTimeout), "such as 10s")
	case b.Rate > 1e7:
		return cli.Usage(errors.New("-r is more than 10,000,000 a second"), "")
	case b.Rounds < 1 || b.Rounds > mostRounds:
		return cli.Usage(fmt.Errorf("--rounds %d is not from 1 to %d", b.Rounds, mostRounds), "five are the least that give an interval")
	}
	return nil
}

func (b *Bench) checkModes() error {
	switch {
	case b.Compare != nil && b.Sweep != "":
		return cli.Usage(errors.New("--compare and --sweep cannot be used together"), "")
	case b.JSON && b.CSV:
		return cli.Usage(errors.New("--json and --csv cannot be used together"), "")
	case b.Compare != nil && b.Span == 0:
		return cli.Usage(errors.New("--compare needs -z, the time of a round"), "such as -z 1s")
	case b.HDR != "" && (b.Compare != nil || b.Sweep != ""):
		return cli.Usage(errors.New("--hdr is of one result"), "--save has all results of --sweep and --compare")
	}
	return nil
}

func (b *Bench) checkTarget() error {
	t := b.Request.Target
	switch {
	case t.Name == "" && len(b.From) == 0:
		return cli.Usage(errors.New("bench has no TARGET"), "cgikit bench fastcgi://127.0.0.1:9000 /index.php")
	case t.Name == "" && (b.Save != "" || b.HDR != "" || b.Compare != nil || b.Sweep != "" || len(b.FailIf) > 0):
		return cli.Usage(errors.New("there is no TARGET to measure"), "--from alone goes with --plot, --csv and --json")
	case b.Multiplex > 1 && t.Protocol != "fastcgi":
		return cli.Usage(fmt.Errorf("--streams has no effect on a target of the protocol %s", t.Protocol), "only FastCGI has several requests on a connection")
	case b.Multiplex > 1 && b.NoKeep:
		return cli.Usage(errors.New("--streams and --no-keep-conn cannot be used together"), "a connection with several requests is kept")
	}
	return nil
}

// keeps reports whether a target's connections are kept.
func (b *Bench) keeps(t target.Target) bool {
	return !b.NoKeep && (t.Protocol == "fastcgi" || t.Protocol == "http")
}
