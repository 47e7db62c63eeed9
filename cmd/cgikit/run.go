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

// childVariable makes this program run as the CGI script of the demo. It is a variable and not an
// argument, since some web servers pass the client's query as arguments (RFC 3875 section 4.4).
const (
	childVariable = "CGIKIT_DEMO"
	childCGI      = "cgi"
)

// run runs the command and returns the exit status.
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

// runChild runs the demo as a CGI script.
func runChild(p *process) int {
	os.Unsetenv(childVariable) // the demo shows the environ, which must not have this variable
	err := cgi.Serve(demo.App())
	if err == nil {
		return 0
	}
	if !errors.Is(err, gateway.ErrBroken) { // all other errors have been logged
		fmt.Fprint(p.stderr, cli.Message("cgikit", err))
	}
	return cli.StatusFailure
}

// takes returns the Args of a verb with n arguments, which the text what describes.
func takes(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return cli.Usage(fmt.Errorf("%s takes %s, and got %d arguments", c.Name(), what, len(args)), "cgikit "+c.Use)
	}
}
