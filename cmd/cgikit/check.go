package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/check"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	targets "github.com/cgikit/cgikit/cmd/internal/target"
)

const checkHelp = `check sends TARGET valid and invalid requests, each over its own connection, and tells which rules
of its protocol TARGET keeps. A check has the id of its requirement and a number, such as F17.1. An
ID on the command line selects one check, or all checks of a requirement (F17), of a group
(fastcgi.keepalive) or of a protocol (fastcgi). --list shows all checks. testdata/requirements.txt
of this module explains the requirements.

TARGET is one of
  fastcgi://127.0.0.1:9000, fastcgi+unix:/run/app.sock   a FastCGI application
  scgi://127.0.0.1:4000, scgi+unix:/run/app.sock         an SCGI application
  cgi:SCRIPT                                             a CGI script

Some checks send what no web server sends, and may crash a faulty application. Do not check an
application that is in use.

check compares its answers with the answer to a plain request, which may be an error page. Name a
page that works with --path, and for php-fpm also with -e SCRIPT_FILENAME=FILE.

The verdicts are
  pass  the rule is kept
  fail  a MUST of the specification is broken
  warn  a SHOULD is broken
  info  the specification leaves it open
  skip  the check was not made, with the reason
The exit status is 0 if no check has failed, and with --strict none has warned; 1 otherwise, or if
the plain request is not answered; 2 for a mistake in the command line; and 130 for Ctrl-C, after
which check prints the results so far.

With --echo, the application must be "cgikit serve echo:", or one with the same pages: /vars /body
/large /log /early /wait /panic. They show what has arrived, so that check can check more.

With --http, check examines a web server: at the URL, it must pass requests on to "cgikit serve
echo:", over any protocol. There is no TARGET then. The checks are those of the variables, bodies
and responses.

The bytes that were sent and got are not shown if a variable of -e holds a secret, such as
HTTP_AUTHORIZATION, unless --show-secrets is given.

A file of --known has a line for each failure that is expected: the id and the reason. Such a
failure does not count. If the check passes nevertheless, check tells so.`

const checkExample = `  cgikit check fastcgi://127.0.0.1:9000
  cgikit check fastcgi+unix:/run/php/php-fpm.sock --path /x.php -e SCRIPT_FILENAME=/srv/www/x.php
  cgikit check scgi://127.0.0.1:4000 S4 scgi.body -v
  cgikit check fastcgi://127.0.0.1:9000 --skip fastcgi.hostile --strict
  cgikit check fastcgi+unix:/run/app.sock --echo --junit results.xml --report results
  cgikit check --http http://127.0.0.1:8080/app
  cgikit check --list fastcgi.keepalive`

// checking is what the verb check was asked for.
type checking struct {
	askFlags
	run       check.Run
	outcome   check.Outcome
	env, skip []string
	list      bool
	known     string
	junit     string
	reportDir string
	url       string
}

func newCheck(p *process) *cobra.Command {
	k := &checking{}
	c := &cobra.Command{
		Use:     "check TARGET [ID...]",
		Short:   "Check from outside that an application keeps its protocol's rules",
		Long:    checkHelp,
		Example: checkExample,
		RunE:    func(c *cobra.Command, args []string) error { return k.do(c.Context(), p, args) },
	}
	f := c.Flags()
	f.SortFlags = false
	f.StringSliceVar(&k.skip, "skip", nil, "leave out the checks of an `ID`: a check, a requirement or a group (repeatable)")
	f.BoolVar(&k.outcome.Strict, "strict", false, "exit with 1 also if a check has warned")
	f.BoolVar(&k.list, "list", false, "show the checks, and send nothing")
	f.StringVar(&k.known, "known", "", "a `file` of the failures that are expected, each line an id and the reason")
	f.StringVar(&k.url, "http", "", "check the web server at this `URL`, in front of \"cgikit serve echo:\", in place of a TARGET")
	f.BoolVar(&k.run.Echo, "echo", false, "make more checks: the application is \"cgikit serve echo:\"")
	f.StringVar(&k.junit, "junit", "", "write the results also to a `file`, in JUnit's XML")
	f.StringVar(&k.reportDir, "report", "", "write a page of the results, in Markdown, also to a `folder`")
	f.StringVar(&k.run.Path, "path", "/", "the `path` of the plain request, with its query")
	f.StringArrayVarP(&k.env, "env", "e", nil, "set a `variable` NAME=VALUE of the plain request (repeatable)")
	k.askFlags.Add(f, 2*time.Second)
	f.Lookup("timeout").Usage = "`time` for each check, such as 5s"
	return c
}

// do does what the flags say.
func (k *checking) do(ctx context.Context, p *process, args []string) error {
	if k.list {
		return k.writeList(p.stdout, args)
	}
	names, err := k.setTarget(args)
	if err != nil {
		return err
	}
	chosen, err := k.choose(check.For(k.run.Target.Protocol), names)
	if err != nil {
		return err
	}
	known, err := k.prepare()
	if err != nil {
		return err
	}
	return k.check(ctx, p, chosen, known)
}

// setTarget reads TARGET, or the URL in its place, and returns the other arguments.
func (k *checking) setTarget(args []string) (names []string, err error) {
	switch {
	case k.url != "":
		k.run.Target, k.run.Mount, err = check.ParseURL(k.url)
		names = args
	case len(args) == 0:
		return nil, cli.Usage(errors.New("check has no TARGET"), "cgikit check fastcgi://127.0.0.1:9000; --list shows the checks")
	default:
		k.run.Target, err = targets.Parse(args[0])
		names = args[1:]
	}
	k.outcome.Target = k.run.Target.Name
	return names, err
}

// choose reads the names of checks.
func (k *checking) choose(checks []check.Check, names []string) ([]check.Check, error) {
	chosen, err := check.Select(checks, names, k.skip)
	if err != nil {
		return nil, cli.Usage(err, "--list shows the ids and groups; those of another protocol do not apply")
	}
	if len(chosen) == 0 {
		return nil, cli.Usage(errors.New("--skip leaves no check"), "--list shows the ids and groups")
	}
	return chosen, nil
}

// prepare reads the flags that are no plain values.
func (k *checking) prepare() (check.Known, error) {
	for _, v := range k.env {
		name, value, ok := strings.Cut(v, "=")
		if !ok || name == "" {
			return nil, cli.Usage(fmt.Errorf("-e %.64q is no variable", v), "write -e NAME=VALUE")
		}
		k.run.Vars = append(k.run.Vars, check.Variable{Name: name, Value: value})
		k.run.Hide = k.run.Hide || cli.IsSecret(name) && !k.ShowSecrets
	}
	if k.askFlags.Timeout <= 0 {
		return nil, cli.Usage(errors.New("--timeout is not more than 0"), "a check of a target that does not answer would not end")
	}
	k.run.Timeout = k.askFlags.Timeout
	if k.known == "" {
		return nil, nil
	}
	f, err := os.Open(k.known)
	if err != nil {
		return nil, cli.Usage(err, "--known is a file with lines of an id and a reason")
	}
	defer f.Close()
	known, err := check.ReadKnown(f)
	if err != nil {
		return nil, cli.Usage(fmt.Errorf("%.200s: %w", k.known, err), "a line is such as: F2.2 php-fpm refuses records of this size")
	}
	return known, nil
}

// check runs the checks and writes the results.
func (k *checking) check(ctx context.Context, p *process, chosen []check.Check, known check.Known) error {
	colours, err := k.palette(p, p.stdout)
	if err != nil {
		return err
	}
	text := &check.Text{W: p.stdout, Colours: colours, Verbose: k.Verbose}
	k.run.Report = func(r check.Result) {
		if known.Apply(&r) {
			k.outcome.Repaired = append(k.outcome.Repaired, r.ID)
		}
		k.outcome.Results = append(k.outcome.Results, r)
		if !k.Quiet && !k.JSON {
			text.Write(r)
		}
	}
	k.askFlags.Timeout = 0 // each check has its own
	ctx, interrupted, cancel := k.context(ctx)
	defer cancel()
	if _, err := k.run.All(ctx, chosen); err != nil && !interrupted() {
		return err
	}
	if err := k.report(p); err != nil {
		return err
	}
	switch {
	case interrupted():
		return cli.Exit(cli.StatusInterrupted)
	case !k.outcome.Passes():
		return cli.Exit(cli.StatusFailure)
	}
	return nil
}

// report writes what follows the results.
func (k *checking) report(p *process) error {
	if err := k.writeFiles(); err != nil {
		return cli.Failure(err, "the results above are complete: only the file is missing")
	}
	switch {
	case k.JSON && !k.Quiet:
		return check.WriteJSON(p.stdout, k.outcome)
	case k.Quiet:
		return nil
	}
	for _, id := range k.outcome.Repaired {
		fmt.Fprintf(p.stdout, "%s is known to fail, and passes: take it out of %s\n", id, k.known)
	}
	_, err := fmt.Fprintln(p.stdout, check.Summarize(k.outcome.Results))
	return err
}

// writeFiles writes the results for other programs.
func (k *checking) writeFiles() error {
	if k.junit != "" {
		if err := writeFile(k.junit, k.outcome, check.WriteJUnit); err != nil {
			return err
		}
	}
	if k.reportDir == "" {
		return nil
	}
	if err := os.MkdirAll(k.reportDir, 0o755); err != nil {
		return err
	}
	return writeFile(filepath.Join(k.reportDir, pageName(k.outcome.Target)), k.outcome, check.WriteMarkdown)
}

// pageName is the name of the page of a target: its address, with hyphens for what a name of a file
// cannot have.
func pageName(target string) string {
	name := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == '.' {
			return r
		}
		return '-'
	}, target)
	return strings.TrimLeft(name[max(len(name)-100, 0):], "-.") + ".md"
}

func writeFile(name string, o check.Outcome, write func(io.Writer, check.Outcome) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f, o), f.Close())
}

// writeList shows the checks that the arguments choose.
func (k *checking) writeList(w io.Writer, names []string) error {
	checks := check.Checks()
	if k.url != "" {
		checks = check.For("http")
	} else if len(names) > 0 {
		if t, err := targets.Parse(names[0]); err == nil {
			checks, names = check.For(t.Protocol), names[1:]
		}
	}
	chosen, err := k.choose(checks, names)
	if err != nil {
		return err
	}
	if k.JSON {
		return check.WriteListJSON(w, chosen)
	}
	check.WriteList(w, chosen)
	return nil
}
