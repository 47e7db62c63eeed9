package ping

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// Streams are what Run may touch of its process.
type Streams struct {
	Stdout, Stderr io.Writer
	Getenv         func(string) string
}

// Run asks the targets that args name, and writes what it found: one line for each target, and a
// hint to standard error. Its error has the exit status: 0 if all targets are healthy, 1 if one is
// not, 2 for a mistake in the command line, 130 after SIGINT or SIGTERM. With --nagios it is that
// of the worst target, from 0 to 3.
func Run(ctx context.Context, o *Options, args []string, s Streams) error {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer release()
	p, err := newPlan(o, args, s.Getenv)
	if err != nil {
		return failUsage(o, err, s)
	}
	palette, err := cli.NewPalette(s.Stdout, o.Color, s.Getenv)
	if err != nil {
		return failUsage(o, err, s)
	}
	results := p.waitHealthy(ctx, cli.NewLive(s.Stderr))
	if len(results) > 0 {
		err = p.write(results, s, palette)
	}
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return cli.Exit(cli.StatusInterrupted)
	}
	return p.exit(results)
}

// failUsage is a mistake in the command line, which Nagios wants as its status 3.
func failUsage(o *Options, err error, s Streams) error {
	if !o.nagios {
		return err
	}
	fmt.Fprintf(s.Stdout, "PING UNKNOWN - %s\n", shorten(err.Error(), maxLine-20))
	return cli.Exit(nagiosUnknown)
}

func (p *plan) allHealthy(results []*Result) bool {
	for _, r := range results {
		if !r.healthy(p.live) {
			return false
		}
	}
	return true
}

// exit is the exit status. The output has said why.
func (p *plan) exit(results []*Result) error {
	switch {
	case p.nagios:
		if status := nagiosStatus(worst(results), p.live); status != 0 {
			return cli.Exit(status)
		}
		return nil
	case p.allHealthy(results):
		return nil
	}
	return cli.Exit(cli.StatusFailure)
}

// write writes the results in the form that was asked for.
func (p *plan) write(results []*Result, s Streams, palette cli.Palette) error {
	switch {
	case p.Quiet:
		return nil
	case p.JSON:
		return p.writeJSON(results, s.Stdout)
	case p.nagios:
		return p.writeNagios(results, s.Stdout)
	case p.openMetrics:
		return writeOpenMetrics(results, s.Stdout)
	}
	var err error
	for _, r := range results {
		_, lineErr := fmt.Fprintln(s.Stdout, palette.Paint(colours[r.State], r.line(p.named)))
		err = errors.Join(err, lineErr)
		if p.Verbose > 0 {
			r.writeDetails(s.Stdout, p)
		}
		if r.Hint != "" {
			fmt.Fprintln(s.Stderr, "hint: "+printableLine(r.Hint, 400))
		}
	}
	return err
}

// colours are those of the states.
var colours = []cli.Colour{OK: cli.Green, Warning: cli.Yellow, Busy: cli.Yellow, Unhealthy: cli.Red, Dead: cli.Red}
