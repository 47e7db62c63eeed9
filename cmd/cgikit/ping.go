package main

import (
	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/internal/ping"
)

// newPing is the verb ping. The program cgikit-ping is the same without the other verbs.
func newPing(p *process) *cobra.Command {
	o := new(ping.Options)
	c := &cobra.Command{
		Use:     "ping [TARGET...]",
		Short:   "Tell whether an application is healthy, for containers and monitoring",
		Long:    ping.Help,
		Example: ping.Examples("cgikit ping"),
		RunE: func(c *cobra.Command, args []string) error {
			return ping.Run(c.Context(), o, args, ping.Streams{Stdout: p.stdout, Stderr: p.stderr, Getenv: p.getenv})
		},
	}
	o.AddFlags(c.Flags())
	return c
}
