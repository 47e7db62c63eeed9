package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/config"
	"github.com/cgikit/cgikit/cmd/internal/cli"
)

const configHelp = `config prints a configuration of a server for an application: of a web server in front of it, of
php-fpm, or of systemd, Docker or Kubernetes. The tests of this module use the same configurations.

SERVER is nginx, apache2, lighttpd, haproxy, caddy, systemd, fcgiwrap, php-fpm, docker or
kubernetes, or one of the configurations that --list names.

The address of the application is TARGET, or that of -l. Its protocol chooses the configuration:
  fastcgi+unix:/run/app.sock  the server speaks FastCGI; also fastcgi://127.0.0.1:9000
  scgi+unix:/run/app.sock     the server speaks SCGI; also scgi://127.0.0.1:4000
  http://127.0.0.1:8081       the server speaks HTTP
  cgi:/usr/lib/cgi-bin        the server starts the program, for Apache and lighttpd

With --root and --split-path .php, the application is php-fpm, and the web server sends the other
files of the folder itself. The configurations of systemd, and of docker with -l, start "cgikit
serve": -l is the address on which it listens, and TARGET is its target. With --env-file, the
service of systemd takes TARGET and all other settings from a file, as the service of the Debian
package does from /etc/default/cgikit. "config fcgiwrap" prints units that replace those of
fcgiwrap, with the same names and the same socket: the configuration of the web server stays as it
is. Their service takes several TARGETs.

config prints the part that you copy into a configuration. With --full it prints a whole
configuration, of a server that runs in the foreground. With --test it prints no configuration: it
runs the server's own check on the whole one, and exits with 1 if the server refuses it.`

const configExample = `  cgikit config nginx fastcgi+unix:/run/app.sock
  cgikit config nginx --root /srv/www --split-path .php fastcgi+unix:/run/php/php-fpm.sock
  cgikit config apache2 --mount /app --explain scgi://127.0.0.1:4000
  cgikit config haproxy --full --test fastcgi://127.0.0.1:9000
  cgikit config systemd -l "fastcgi+unix:/run/cgi.sock?group=www-data" cgi:/usr/lib/cgi-bin
  cgikit config systemd.service --env-file /etc/default/cgikit
  cgikit config fcgiwrap cgi:/usr/lib/cgi-bin cgi:/usr/lib/git-core/git-http-backend
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
	f.BoolVar(&list, "list", false, "list the names of all configurations, and print none")
	f.StringArrayVarP(&o.Listen, "listen", "l", nil, "`address` of the application; repeatable for a configuration that balances (default depends on SERVER)")
	f.StringVar(&o.Mount, "mount", "", "`path` below which the application answers, such as /app (default /)")
	f.StringVar(&o.Root, "root", "", "`folder` of a site in PHP, as the server and php-fpm see it")
	f.StringArrayVar(&o.SplitPath, "split-path", nil, "`extension` of the scripts below --root, such as .php (repeatable)")
	f.BoolVar(&o.Stream, "stream", false, "make the server send each part of a body on at once, and not buffer it")
	f.BoolVar(&o.KeepConn, "keep-conn", false, "make the server keep its connections to the application; each occupies a process of php-fpm")
	f.StringVar(&o.ServerName, "server-name", "", "`name` of the web server of --full; for haproxy, the value of SERVER_NAME")
	f.BoolVar(&o.Full, "full", false, "print a whole configuration, of a server that runs in the foreground")
	f.StringVar(&o.HTTP, "http", "", "`address` on which the web server of --full listens (default 127.0.0.1:8080)")
	f.StringVar(&o.Dir, "dir", "", "`folder` for the files of the server of --full, such as its log (default the working folder)")
	f.StringVar(&o.EnvFile, "env-file", "", "`file` of variables such as CGIKIT_TARGET, from which a service of systemd gets all settings")
	f.StringVar(&o.Program, "program", "", "`path` of cgikit in a unit of systemd (default that of this program)")
	f.BoolVar(&o.Explain, "explain", false, "add a comment to each line that people often get wrong")
	f.BoolVar(&test, "test", false, "run the server's own syntax check on the whole configuration, and print its result")
	return c
}

// setConfigArgs reads SERVER and TARGET. Without --program, the program of a service is this one.
func setConfigArgs(o *config.Options, args []string) error {
	if len(args) == 0 {
		return cli.Usage(errors.New("config takes a SERVER and a TARGET"), `"cgikit config --list" has the servers`)
	}
	o.Server = args[0]
	if len(args) > 1 {
		o.Target, o.More = args[1], args[2:]
	}
	if o.Program == "" && (strings.HasPrefix(o.Server, "systemd") || o.Server == "fcgiwrap") {
		o.Program, _ = os.Executable() // else the usual place of it
	}
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
