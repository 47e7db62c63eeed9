package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/cgikit/cgikit/cmd/internal/asking"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

// askFlags are the flags of every verb that asks a target.
type askFlags struct{ asking.Flags }

// context returns the context of the verb, which ends after --timeout and at a signal. Cancel must
// be called. When the context has ended by a signal, interrupted reports true: the verb then writes
// what it has, and returns cli.Exit(cli.StatusInterrupted).
func (a *askFlags) context(ctx context.Context) (_ context.Context, interrupted func() bool, cancel func()) {
	ctx, release := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	timed, stop := ctx, context.CancelFunc(func() {})
	if a.Timeout > 0 {
		timed, stop = context.WithTimeout(ctx, a.Timeout)
	}
	return timed, func() bool { return ctx.Err() != nil }, func() { stop(); release() }
}

// palette says whether what is written to w has colour.
func (a *askFlags) palette(p *process, w io.Writer) (cli.Palette, error) {
	return cli.NewPalette(w, a.Color, p.getenv)
}
