package main

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/config"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

const configHelp = `config prints the configuration of a server that stands in front of an application, or that starts or
watches it. The texts are those that the tests of this module run with the real servers.

SERVER is nginx, apache2, lighttpd, haproxy, caddy, systemd, php-fpm, docker or kubernetes, or one of the
configurations that --list names.

-l LISTEN or TARGET is the address of the application, and chooses between the configurations of a server:
  fastcgi+unix:/run/app.sock  over FastCGI; fastcgi://127.0.0.1:9000
  scgi+unix:/run/app.sock     over SCGI; scgi://127.0.0.1:4000
  http://127.0.0.1:8081       over HTTP
  cgi:/usr/lib/cgi-bin        started by the server, for Apache and lighttpd

With --root and --split-path .php it is php-fpm, and the server sends the other files of the folder itself.
For systemd, and for docker with -l, LISTEN is where cgikit serve listens and TARGET what it answers with.

What is printed is the part to copy; with --full a whole server that runs in the foreground. --test prints
nothing of it: it gives the whole to the server's own check, and exits with 1 if the server refuses it.`

const configExample = `  cgikit config nginx fastcgi+unix:/run/app.sock
  cgikit config nginx --root /srv/www --split-path .php fastcgi+unix:/run/php/php-fpm.sock
  cgikit config apache2 --mount /app --explain scgi://127.0.0.1:4000
  cgikit config haproxy --full --test fastcgi://127.0.0.1:9000
  cgikit config systemd -l "fastcgi+unix:/run/cgi.sock?group=www-data" cgi:/usr/lib/cgi-bin
  cgikit config php-fpm -l fastcgi+unix:/run/php/site.sock
  cgikit config kubernetes fastcgi://127.0.0.1:9000
  cgikit config --list`

func newConfig(p *process) *cobra.Command {
	o := new(config.Options)
	var list, test bool
	c := &cobra.Command{
		Use:               "config SERVER [-l LISTEN | TARGET]",
		Short:             "Print a tested configuration of nginx, php-fpm, systemd and others",
		SuggestFor:        []string{"configuration", "conf", "template"},
		Long:              configHelp,
		Example:           configExample,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: completeConfig,
		RunE: func(c *cobra.Command, args []string) error {
			if list {
				return listConfigs(p, args)
			}
			if err := setConfigArgs(o, args); err != nil {
				return err
			}
			if !test {
				return config.Write(p.stdout, *o)
			}
			line, err := config.Check(c.Context(), *o)
			if err == nil {
				_, err = fmt.Fprintln(p.stdout, line)
			}
			return err
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.BoolVar(&list, "list", false, "list the configurations")
	f.StringArrayVarP(&o.Listen, "listen", "l", nil, "`address` of the application; several for a configuration that balances")
	f.StringVar(&o.Mount, "mount", "", "`path` of the application, such as /app")
	f.StringVar(&o.Root, "root", "", "`folder` of a site in PHP, as the server and php-fpm see it")
	f.StringArrayVar(&o.SplitPath, "split-path", nil, "`extension` of the scripts below --root, such as .php; several times")
	f.BoolVar(&o.Stream, "stream", false, "send each part of a body on at once, where the server would buffer it")
	f.BoolVar(&o.KeepConn, "keep-conn", false, "keep connections to the application; each occupies a process of php-fpm")
	f.StringVar(&o.ServerName, "server-name", "", "`name` of the web server, with --full, and for haproxy the value of SERVER_NAME")
	f.BoolVar(&o.Full, "full", false, "print a whole configuration, of a server that runs in the foreground")
	f.StringVar(&o.HTTP, "http", "", "`address` of the web server of --full (default 127.0.0.1:8080)")
	f.StringVar(&o.Dir, "dir", "", "`folder` for the files of the server of --full (default the working directory)")
	f.BoolVar(&o.Explain, "explain", false, "write a comment at each line that people get wrong")
	f.BoolVar(&test, "test", false, "run the server's own syntax check on the whole configuration, and print its verdict")
	return c
}

// setConfigArgs reads SERVER and TARGET. The program of a service is this one.
func setConfigArgs(o *config.Options, args []string) error {
	if len(args) == 0 || len(args) > 2 {
		return cli.Usage(fmt.Errorf("config takes a SERVER and a TARGET, and got %d arguments", len(args)), `"cgikit config --list" has the servers`)
	}
	o.Server = args[0]
	if len(args) == 2 {
		o.Target = args[1]
	}
	o.Program, _ = os.Executable() // else the usual place of it
	return nil
}

func listConfigs(p *process, args []string) error {
	if len(args) > 0 {
		return cli.Usage(errors.New("--list takes no argument"), "cgikit config --list")
	}
	table := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, e := range config.List() {
		fmt.Fprintf(table, "%s\t%s\n", e.Name, e.What)
	}
	return table.Flush()
}

// completeConfig completes SERVER. The shell shows what each is.
func completeConfig(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, e := range config.List() {
		names = append(names, e.Name+"\t"+e.What)
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
