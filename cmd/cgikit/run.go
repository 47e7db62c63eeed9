package main

import (
	"context"
	"errors"
	"fmt"
	"os"

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

// takes is the Args of a verb with n arguments, of which what tells the meaning.
func takes(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return cli.Usage(fmt.Errorf("%s takes %s, and got %d arguments", c.Name(), what, len(args)), "cgikit "+c.Use)
	}
}
