package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
)

// checkFallbacks finds mistakes in several targets: addresses, of which those after the first are
// tried in order if the ones before them cannot be reached, or scripts and folders of scripts.
func checkFallbacks(targets []string) error {
	if len(targets) == 1 {
		return nil
	}
	first, err := listen.Parse(targets[0])
	if err != nil {
		return unknownTarget(targets[0], err)
	}
	for i, name := range targets {
		a, err := listen.Parse(name)
		switch {
		case err != nil:
			return unknownTarget(name, err)
		case a.Protocol != "fastcgi" && a.Protocol != "scgi" && a.Protocol != "cgi":
			return cli.Usage(fmt.Errorf("target %.100q cannot be one of several", name), severalHint)
		case a.Protocol != first.Protocol:
			return cli.Usage(fmt.Errorf("targets %.100q and %.100q have different protocols", targets[0], name), severalHint)
		case a.Protocol != "cgi" && !isCallable(a):
			return notCallable(a, name)
		case slices.Contains(targets[:i], name):
			return cli.Usage(fmt.Errorf("target %.100q is given twice", name), severalHint)
		}
	}
	return nil
}

const severalHint = "several targets are addresses of one FastCGI or SCGI application, in order of preference, " +
	"such as fastcgi://10.0.0.1:9000 fastcgi://10.0.0.2:9000, or the scripts and folders whose scripts may run, such as cgi:/usr/lib/cgi-bin cgi:/usr/share/gitweb"

// isCallable reports whether a client can connect to a.
func isCallable(a listen.Address) bool {
	return !a.Proxy && (a.Network == "unix" || a.Network == "tcp" && a.Port != 0)
}

// notCallable returns the error for a target to which no client can connect.
func notCallable(a listen.Address, name string) error {
	if a.Proxy {
		return cli.Usage(fmt.Errorf("target %.100q has the option proxy=1, which is one of listeners only", name), "use it with -l, and leave it out of the target")
	}
	if a.Network == "tcp" {
		return cli.Usage(fmt.Errorf("target %.100q has no port that can be called", name), "use port 0 only with -l; a target needs its own port")
	}
	return cli.Usage(fmt.Errorf("target %.100q cannot be called", name), "use an inherited socket with -l; a target is an address such as "+
		a.Protocol+"://127.0.0.1:9000 or "+a.Protocol+"+unix:/run/app.sock")
}

// takesTargets is the Args of serve.
func takesTargets(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return nil
	}
	return cli.Usage(errors.New("serve has no TARGET"), "cgikit "+c.Use+"; "+variableOf("target")+" in the environment may have the TARGET too")
}
