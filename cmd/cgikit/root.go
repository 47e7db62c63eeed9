package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/internal/cli"
)

const rootHelp = `cgikit is a toolkit for CGI, FastCGI and SCGI. Three frequent uses:

  serve over FastCGI       cgikit serve -l fastcgi+unix:/run/app.sock demo:
  serve php-fpm over HTTP  cgikit serve -l http://127.0.0.1:8080 --root /srv/www --split-path .php \
                             fastcgi+unix:/run/php/php-fpm.sock
  send one request         cgikit request fastcgi+unix:/run/php/php-fpm.sock --root /srv/www /x.php

Begin with "cgikit demo": it needs no other program. "cgikit VERB --help" ends with examples.`

// usage returns the template of a verb's help. The examples are at its end, where a terminal shows
// them last. The lines of the flags have at most so many columns; zero is no bound.
func usage(columns int) string {
	const slop = 5 // pflag lets a line have so many more
	return strings.ReplaceAll(usageTemplate, "COLUMNS", strconv.Itoa(max(columns-slop, 0)))
}

const usageTemplate = `Usage: {{.UseLine}}
{{- range $group := .Groups}}{{$first := true}}{{range $.Commands}}
{{- if and (eq .GroupID $group.ID) .IsAvailableCommand}}{{if $first}}{{$first = false}}

{{$group.Title}}{{end}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if not .HasParent}}
{{else if .HasAvailableSubCommands}}

Commands:{{range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}
{{else if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsagesWrapped COLUMNS | trimTrailingWhitespaces}}
{{end}}
{{- if .HasExample}}
Examples:
{{.Example}}
{{end}}`

// The groups of verbs in the help.
const (
	groupServe = "serve"
	groupAsk   = "ask"
	groupTell  = "tell"
)

func newRoot(p *process) *cobra.Command {
	root := &cobra.Command{
		Use:           "cgikit VERB",
		Short:         "Serve, ask and check CGI, FastCGI and SCGI applications",
		Long:          rootHelp,
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
	root.SetUsageTemplate(usage(cli.Width(p.stdout)))
	root.SetVersionTemplate("cgikit {{.Version}}\n")
	root.AddGroup(
		&cobra.Group{ID: groupServe, Title: "Serve:"},
		&cobra.Group{ID: groupAsk, Title: "Ask an application:"},
		&cobra.Group{ID: groupTell, Title: "Look things up:"},
	)
	root.SetHelpCommandGroupID(groupTell)
	root.SetCompletionCommandGroupID(groupTell)
	addVerbs(root, groupAsk, newRequest(p), newPing(p), newCheck(p), newBench(p), newTrace(p))
	addVerbs(root, groupServe, newServe(p), newSpawn(p), newDemo(p))
	addVerbs(root, groupTell, newConfig(p), newVersion(p))
	addMan(root)
	return root
}

func addVerbs(root *cobra.Command, group string, verbs ...*cobra.Command) {
	for _, verb := range verbs {
		verb.GroupID = group
		root.AddCommand(verb)
	}
}

// noVerb is run when no known verb is given.
func noVerb(c *cobra.Command, args []string) error {
	const help = `"cgikit demo" shows what this is, "cgikit help" lists the verbs`
	if len(args) == 0 {
		return cli.Usage(errors.New("no verb given"), help)
	}
	hint := help
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return cli.Usage(fmt.Errorf("there is no verb %.64q", args[0]), hint)
}
