package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// askFlags are the flags of every verb that asks a target.
type askFlags struct {
	json, quiet, showSecrets bool
	verbose                  int // how often -v is given
	color                    string
	timeout                  time.Duration // of the whole verb
}

// add adds the flags to those of a verb. Timeout is the default of --timeout.
func (a *askFlags) add(f *pflag.FlagSet, timeout time.Duration) {
	f.BoolVar(&a.json, "json", false, "write the result as JSON")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "write no result: the exit status tells it")
	f.CountVarP(&a.verbose, "verbose", "v", "tell more; twice tells everything")
	f.DurationVar(&a.timeout, "timeout", timeout, "`time` for the whole, such as 5s; 0 is no bound")
	f.StringVar(&a.color, "color", "auto", "`when` the output has colour: auto, always or never")
	f.BoolVar(&a.showSecrets, "show-secrets", false, "show passwords, tokens and cookies, which are *** otherwise")
}

// context returns the context of the verb, which ends after --timeout and at a signal. Cancel must
// be called. When the context has ended by a signal, interrupted reports true: the verb then writes
// what it has, and returns cli.Exit(cli.StatusInterrupted).
func (a *askFlags) context(ctx context.Context) (_ context.Context, interrupted func() bool, cancel func()) {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	timed, stop := ctx, context.CancelFunc(func() {})
	if a.timeout > 0 {
		timed, stop = context.WithTimeout(ctx, a.timeout)
	}
	return timed, func() bool { return ctx.Err() != nil }, func() { stop(); release() }
}

// palette says whether what is written to w has colour.
func (a *askFlags) palette(p *process, w io.Writer) (cli.Palette, error) {
	return cli.NewPalette(w, a.color, p.getenv)
}

// mask is the value of a field or variable as it may be shown.
func (a *askFlags) mask(name, value string) string {
	if a.showSecrets {
		return value
	}
	return cli.Mask(name, value)
}
