package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/trace"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	targets "github.com/cgikit/cgikit/cmd/internal/target"
)

// runReplay sends the bytes that "cgikit trace --save FILE.vector" kept, and writes a line for each
// record of the answer.
func (r *requesting) runReplay(ctx context.Context, p *process, args []string) error {
	if len(args) != 1 {
		return cli.Usage(fmt.Errorf("--replay takes TARGET alone, and got %d arguments", len(args)), "the file has the whole request")
	}
	target, err := targets.Parse(args[0], "fastcgi", "scgi")
	if err != nil {
		return err
	}
	file, err := os.ReadFile(r.replay)
	if err == nil {
		file, err = trace.ReadVector(file)
	}
	if err != nil {
		return cli.Usage(fmt.Errorf("--replay: %w", err), "the file is one of cgikit trace --save NAME.vector")
	}
	ctx, interrupted, cancel := r.context(ctx)
	defer cancel()
	conn, err := target.Dial(ctx)
	if err == nil {
		printer := &trace.Printer{W: p.stdout, JSON: r.askFlags.JSON, Lint: true}
		err = errors.Join(trace.Replay(ctx, conn, target.Protocol, file, printer), printer.Err)
	}
	if interrupted() {
		return cli.Exit(cli.StatusInterrupted)
	}
	return target.Explain(ctx, err)
}
