package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	targets "github.com/cgikit/cgikit/cmd/internal/target"
)

const requestHelp = `request sends one request to TARGET and writes the body of the answer to standard output, as curl
does for HTTP. Flags that curl has too have curl's names. The error stream of the application goes
to standard error, and so do all messages.

TARGET is one of
  fastcgi+unix:/run/php/php-fpm.sock   a FastCGI application; also fastcgi://127.0.0.1:9000
  scgi://127.0.0.1:4000                an SCGI application; also scgi+unix:/run/rtorrent.sock
  cgi:SCRIPT                           a CGI script, or a folder of scripts
  http://127.0.0.1:8080                an HTTP server, to compare; redirects are not followed

PATH is the path of the URL, with its query. The default is the script of --script-name or --php,
/RPC2 for --xmlrpc and --jsonrpc, or else /. SCRIPT_NAME, the name of the script, ends with the
first segment that ends in .php, or else with the first file that the path names below --root. The
rest of the path is PATH_INFO; without a script that is the whole path. SCRIPT_FILENAME is the
document root followed by SCRIPT_NAME, or without a script by the path; for cgi:SCRIPT it is the
file of the script. The document root is --root, or the working folder.

The application gets the variables that every web server sends. -n shows them, --explain-env tells
where each comes from, and --as sends what nginx, Apache, lighttpd or HAProxy send.

The exit statuses are those of curl, except 1, 2 and 130:
    0  an answer, also with a status such as 404 if -f is not given
    1  the method of --xmlrpc or --jsonrpc has returned a fault
    2  a mistake in the command line
    7  no connection, or the script cannot be started
    8  the target speaks another protocol, or the head of the answer is not valid
   18  the answer was cut off
   22  with -f: a status of 400 or more
   23  the output cannot be written
   28  the time is over
   52  no answer
  130  Ctrl-C`

const requestExample = `  cgikit request fastcgi+unix:/run/php/php-fpm.sock --root /srv/www /index.php
  cgikit request -v fastcgi+unix:/run/php/php-fpm.sock --script-name /status
  cgikit request fastcgi://127.0.0.1:9000 --php 'var_dump(opcache_reset());'
  cgikit request fastcgi://127.0.0.1:9000 --php 'echo json_encode(opcache_get_status(false));'
  cgikit request scgi+unix:/run/rtorrent.sock --xmlrpc d.multicall2 '' main d.name=
  cgikit request cgi:./hello.cgi '/path?x=1' -d name=value -i
  cgikit request -n --print shell cgi:./hello.cgi
  cgikit request -f -s -w '%{status} %{time_total}\n' -o page.html http://127.0.0.1:8080/`

// requesting is what the verb request was asked for.
type requesting struct {
	askFlags
	messageFlags
}

// messageFlags are the flags that say what is sent, of each verb that sends what the user wants.
type messageFlags struct {
	request.Request
	scriptName, pathInfo, replay string
}

func newRequest(p *process) *cobra.Command {
	r := &requesting{}
	c := &cobra.Command{
		Use:     "request TARGET [PATH]",
		Short:   "Send one request and show the answer, as curl does",
		Long:    requestHelp,
		Example: requestExample,
		Args:    cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if r.replay != "" {
				return r.runReplay(c.Context(), p, args)
			}
			return r.run(c, p, args)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	r.addContent(f)
	r.addCalls(f)
	r.addVariables(f)
	r.addGateway(f)
	r.addShow(f)
	r.askFlags.Add(f, time.Minute)
	f.VarP(&seconds{&r.askFlags.Timeout}, "max-time", "m", "--timeout in `seconds`, as curl has it")
	return c
}

func (r *messageFlags) addContent(f *pflag.FlagSet) {
	f.StringVarP(&r.Method, "request", "X", "", "`method` of the request (default GET, or POST with a body)")
	f.StringArrayVarP(&r.Fields, "header", "H", nil, "a `field` 'Name: value'; 'Name:' removes a field that is sent by default (repeatable)")
	f.VarP(&data{&r.Data, request.Plain}, "data", "d", "body of a form: `text`, @FILE without its line ends, or @- for standard input (repeatable)")
	f.Var(&data{&r.Data, request.Binary}, "data-binary", "body, sent unchanged: `text`, @FILE of any size, or @- for standard input (repeatable)")
	f.Var(&data{&r.Data, request.Encoded}, "data-urlencode", "`text` to percent-encode for the body of a form: value, name=value or name@FILE (repeatable)")
	f.StringArrayVarP(&r.Form, "form", "F", nil, "`part` of a multipart form: name=value, name=@FILE;type=TYPE for a file, name=<FILE for its content (repeatable)")
	f.BoolVarP(&r.InQuery, "get", "G", false, "add the texts of -d to the query, and send no body")
	f.StringVarP(&r.Agent, "user-agent", "A", "", "`text` of the field User-Agent")
	f.StringVarP(&r.Cookie, "cookie", "b", "", "`cookies` to send, such as 'a=1; b=2'")
	f.StringVarP(&r.Content.User, "basic", "u", "", "`name:password` to send in the field Authorization, by the scheme Basic")
}

func (r *requesting) addCalls(f *pflag.FlagSet) {
	f.StringVar(&r.PHP, "php", "", "run PHP `code`, or @FILE, from a temporary file that php-fpm can read")
	f.StringVar(&r.TempDir, "temp-dir", "", "`folder` for the file of --php, which php-fpm must be able to read (default the system's folder for temporary files)")
	f.StringVar(&r.XMLRPC, "xmlrpc", "", "call a `method` by XML-RPC; its arguments follow TARGET: text, +1 for a number, [1,2 for a list, @FILE for bytes")
	f.StringVar(&r.JSONRPC, "jsonrpc", "", "call a `method` by JSON-RPC, with arguments as for --xmlrpc")
}

func (r *messageFlags) addVariables(f *pflag.FlagSet) {
	f.StringArrayVarP(&r.Env, "env", "e", nil, "set a `variable`, NAME=VALUE; NAME= removes it (repeatable)")
	f.StringArrayVar(&r.EnvFiles, "env-file", nil, "set variables from the lines of a `file`, before those of -e (repeatable)")
	f.StringVar(&r.Root, "root", "", "document root: the `folder` of the scripts, as the application sees it (default the working folder)")
	f.StringVar(&r.ScriptFilename, "script-filename", "", "SCRIPT_FILENAME: the `file` that php-fpm runs (default from PATH and --root)")
	f.StringVar(&r.scriptName, "script-name", "", "SCRIPT_NAME: the `part` of PATH that names the script (default found in PATH)")
	f.StringVar(&r.pathInfo, "path-info", "", "PATH_INFO: the `rest` of PATH after SCRIPT_NAME (default found in PATH)")
	f.StringVar(&r.As, "as", "", "send the variables that this `server` sends: nginx, nginx-stock (only its stock fastcgi_params or scgi_params), apache2, lighttpd, haproxy")
}

func (r *requesting) addGateway(f *pflag.FlagSet) {
	f.StringVar(&r.Role, "role", "", "FastCGI `role`: responder, authorizer, or filter without FCGI_DATA (default responder)")
	f.BoolVar(&r.Values, "values", false, "send FCGI_GET_VALUES instead of a request, and show the answer")
	f.BoolVar(&r.NoKeepConn, "no-keep-conn", false, "make a new FastCGI connection for each request of --repeat")
	f.IntVar(&r.Repeat, "repeat", 1, "send the request a `number` of times, over one FastCGI connection")
	f.Var(&seconds{&r.ConnectTimeout}, "connect-timeout", "longest `time` until the connection is made, such as 500ms, or a number of seconds (default no limit but --timeout)")
	f.StringVar(&r.RunAs, "user", "", "run a CGI script as this `user`, as NAME or NAME:GROUP, or numbers; only root can")
}

func (r *requesting) addShow(f *pflag.FlagSet) {
	f.BoolVar(&r.Explain, "explain-env", false, "show the variables, where each comes from and what it means, and send nothing")
	f.BoolVarP(&r.HeadOnly, "head", "I", false, "send a HEAD request, and write the head of the answer")
	f.BoolVarP(&r.Include, "include", "i", false, "write the head before the body")
	f.StringVarP(&r.Output, "output", "o", "", "write the body to a `file`; if it is cut off, the file keeps what came")
	f.BoolVarP(&r.Silent, "silent", "s", false, "write nothing to standard error, except mistakes in the command line")
	f.BoolVarP(&r.Fail, "fail", "f", false, "exit with 22, and write no body, for a status of 400 or more")
	f.StringVarP(&r.WriteOut, "write-out", "w", "", "write this `format` after the answer, times in seconds, sizes in bytes: %{status} %{exit_status} %{protocol_status} %{time_connect} %{time_head} %{time_total} %{size} %{stderr_size}")
	f.BoolVarP(&r.DryRun, "dry-run", "n", false, "show the variables in their order, and send nothing")
	f.StringVar(&r.Print, "print", "", "with the `word` shell: show a command line that sends the same by sh, cgi-fcgi, nc or curl, and send nothing")
	f.StringVar(&r.replay, "replay", "", "send the bytes of a `file` that \"cgikit trace --save NAME.vector\" wrote, and show the records of the answer")
}

// run does what the flags say.
func (r *requesting) run(c *cobra.Command, p *process, args []string) (err error) {
	if err := r.setArguments(c, args); err != nil {
		return err
	}
	colours, err := r.palette(p, p.stderr)
	if err != nil {
		return err
	}
	r.Streams = request.Streams{Stdin: p.stdin, Stdout: p.stdout, Stderr: p.stderr, Colours: colours}
	r.Request.Timeout, r.Request.Quiet, r.Request.JSON = r.askFlags.Timeout, r.askFlags.Quiet, r.askFlags.JSON
	r.Request.Verbose, r.Request.ShowSecrets = r.askFlags.Verbose, r.askFlags.ShowSecrets
	ctx, interrupted, cancel := r.context(c.Context())
	defer cancel()
	if err = r.Run(ctx); err != nil && interrupted() {
		return cli.Exit(cli.StatusInterrupted)
	}
	return err
}

// setArguments reads TARGET and PATH, or the arguments of a remote procedure call.
func (r *requesting) setArguments(c *cobra.Command, args []string) (err error) {
	if len(args) == 0 {
		return cli.Usage(errors.New("request has no TARGET"), "cgikit request fastcgi://127.0.0.1:9000 /index.php")
	}
	if r.Target, err = targets.Parse(args[0], "fastcgi", "scgi", "cgi", "http"); err != nil {
		return err
	}
	args = args[1:]
	if len(args) > 0 && r.XMLRPC == "" && r.JSONRPC == "" {
		r.Path, args = args[0], args[1:]
	}
	r.Args = args
	r.setNames(c)
	return nil
}

// setNames notes which parts of the path the user has named.
func (r *messageFlags) setNames(c *cobra.Command) {
	if c.Flags().Changed("script-name") {
		r.ScriptName = &r.scriptName
	}
	if c.Flags().Changed("path-info") {
		r.PathInfo = &r.pathInfo
	}
}

// data is a flag that adds to the body. All of its kinds add to one list, whose order counts.
type data struct {
	list *[]request.Datum
	kind request.Kind
}

// Set implements pflag.Value.
func (d *data) Set(s string) error {
	*d.list = append(*d.list, request.Datum{Kind: d.kind, Text: s})
	return nil
}

// String implements pflag.Value.
func (*data) String() string { return "" }

// Type implements pflag.Value.
func (*data) Type() string { return "text" }

// seconds is a flag's time: a number of seconds, as curl has it, or one with its unit.
type seconds struct{ d *time.Duration }

// Set implements pflag.Value.
func (s *seconds) Set(text string) error {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		text = fmt.Sprintf("%fs", n)
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return errors.New("a time is such as 5, 0.5 or 500ms")
	}
	*s.d = d
	return nil
}

// String implements pflag.Value.
func (s *seconds) String() string {
	if s.d == nil || *s.d == 0 {
		return ""
	}
	return s.d.String()
}

// Type implements pflag.Value.
func (*seconds) Type() string { return "time" }
