package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/demo"
)

// childVariable makes this program the demo as a CGI script. It is a variable, as a CGI program
// must not read its arguments: under some web servers they are the client's query (RFC 3875 section
// 4.4).
const (
	childVariable = "CGIKIT_DEMO"
	childCGI      = "cgi"
)

// run is the command. It returns the exit status.
func run(ctx context.Context, p *process) int {
	if p.getenv(childVariable) == childCGI {
		return runChild(p)
	}
	root := newRoot(p)
	root.SetArgs(p.args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		err = withHint(err)
		fmt.Fprint(p.stderr, cli.Message("cgikit", err))
	}
	return cli.Status(err)
}

// runChild is the demo as a CGI script, on the standard streams of the process.
func runChild(p *process) int {
	os.Unsetenv(childVariable) // else it would be part of the environ that the demo shows
	err := cgi.Serve(demo.App())
	if err == nil {
		return 0
	}
	if !errors.Is(err, gateway.ErrBroken) { // else it has been logged
		fmt.Fprint(p.stderr, cli.Message("cgikit", err))
	}
	return cli.StatusFailure
}

func newRoot(p *process) *cobra.Command {
	root := &cobra.Command{
		Use:   "cgikit",
		Short: "Run one application as CGI, FastCGI, SCGI or plain HTTP.",
		Long: `cgikit runs one application as CGI, FastCGI, SCGI or plain HTTP.

Begin with "cgikit demo": it needs nothing installed.`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE:          noVerb,
	}
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return cli.Usage(err, fmt.Sprintf("%q tells what there is", c.CommandPath()+" --help"))
	})
	root.SetVersionTemplate("cgikit {{.Version}}\n")
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(newDemo(p), newServe(p))
	return root
}

// version is what the go command knows of how this program was built.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown version"
	}
	return strings.TrimSpace(info.Main.Version + " " + info.GoVersion)
}

// noVerb is what the command without a verb that it knows does.
func noVerb(c *cobra.Command, args []string) error {
	const help = `"cgikit demo" shows what this is, "cgikit help" tells the commands`
	if len(args) == 0 {
		return cli.Usage(errors.New("no command given"), help)
	}
	hint := help
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return cli.Usage(fmt.Errorf("there is no command %.64q", args[0]), hint)
}

// takes is the Args of a verb with n arguments, of which what tells the meaning.
func takes(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return cli.Usage(fmt.Errorf("%s takes %s, and got %d arguments", c.Name(), what, len(args)), "cgikit "+c.Use)
	}
}
