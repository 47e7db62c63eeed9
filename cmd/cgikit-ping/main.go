package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/ping"
)

func main() {
	s := ping.Streams{Stdout: os.Stdout, Stderr: os.Stderr, Getenv: os.Getenv}
	err := run(context.Background(), os.Args[1:], s)
	if err != nil {
		io.WriteString(s.Stderr, cli.Message("cgikit-ping", err))
	}
	os.Exit(cli.Status(err))
}

func run(ctx context.Context, args []string, s ping.Streams) error {
	o := new(ping.Options)
	f := pflag.NewFlagSet("cgikit-ping", pflag.ContinueOnError)
	f.Usage = func() {}
	o.AddFlags(f)
	switch err := f.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		return writeHelp(s.Stdout, f)
	case err != nil:
		return cli.Usage(err, `"cgikit-ping --help" tells what there is`)
	}
	return ping.Run(ctx, o, f.Args(), s)
}

func writeHelp(w io.Writer, f *pflag.FlagSet) error {
	_, err := fmt.Fprintf(w, "%s\n\nUsage:\n  cgikit-ping [TARGET...]\n\nExamples:\n%s\n\nFlags:\n%s", ping.Help, ping.Examples("cgikit-ping"), f.FlagUsagesWrapped(max(cli.Width(w)-5, 0)))
	return err
}
