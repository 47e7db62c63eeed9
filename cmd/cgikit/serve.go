package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/launch"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/validate"
)

const serveHelp = `serve answers the requests that come in at each LISTEN with TARGET, until SIGTERM or Ctrl-C. Requests
under way may then finish; a second signal breaks them off. CGI scripts that still run are asked to end, and
killed 3 seconds later.

LISTEN is one of
  http://127.0.0.1:8080      HTTP over TCP; fastcgi and scgi in the place of http are the other protocols
  fastcgi+unix:/run/app.sock over a unix socket; ?mode=0660&owner=NAME&group=NAME may follow
  scgi+fd:0                  on an inherited socket, as spawn-fcgi has it
  http+systemd:NAME          on a socket that systemd opened
  auto://127.0.0.1:9000      all three protocols on one listener

TARGET is one of
  demo:                      the application of "cgikit demo"
  files:DIR                  the files of a folder, but for hidden ones
  cgi:SCRIPT                 a CGI script, started for each request
  cgi:DIR                    a folder of them: the path of a request begins with that of the script
  fastcgi://127.0.0.1:9000   a FastCGI application, such as php-fpm; fastcgi+unix:/run/app.sock
  scgi://127.0.0.1:4000      an SCGI application; scgi+unix:/run/app.sock

Connections to a FastCGI application are kept if it says, asked by FCGI_GET_VALUES before the first request, that it answers
several at the same time. php-fpm and programs on libfcgi do not: a kept connection would hold one of their workers. A number
with --keep-conns decides by hand, and 0 keeps none.

With --root and --split-path the request's path names a script below a folder, as a web server does it for php-fpm,
and what is no script there is sent as a file. Without them the target is one application for all paths.

A folder may be a symbolic link, such as to the newest release: it is followed again once a second. Of the links in a
folder those are followed that --symlinks allows, also out of the folder.

A client that is slow to send a request or to take an answer does not occupy a CGI, FastCGI or SCGI target: what waits for
it is kept in memory and then in temporary files, within --buffer-memory and --buffer-files. --stream turns that off, but for
request bodies of unknown length, since the length comes first in these protocols.

The status page at the address of --metrics has Prometheus's figures at /metrics, and at /healthz 200 while requests are
taken. Everyone who can connect there can read them.`

const serveExample = `  cgikit serve -l http://127.0.0.1:8080 files:.
  cgikit serve -l fastcgi+unix:/run/demo.sock -l scgi://127.0.0.1:4000 demo:
  cgikit serve -l http://127.0.0.1:8080 --root . --split-path .php fastcgi+unix:/run/php/php-fpm.sock
  cgikit serve -l fastcgi+unix:/run/cgi.sock cgi:/usr/lib/cgi-bin`

// serving is what serve was asked for.
type serving struct {
	launch    launch.Config
	target    string
	options   targetOptions
	engines   []string
	allow     []string
	accessLog string
	metrics   string
	validated bool

	errorLog, accessWriter *logWriter
}

func newServe(p *process) *cobra.Command {
	s := &serving{errorLog: &logWriter{w: p.stderr}, accessWriter: &logWriter{w: p.stdout}}
	s.launch.Log = newLog(s.errorLog, "why") // why launch chose so is in the command line
	s.launch.MaxBodyBytes = 1 << 30
	s.accessWriter.tell = func(err error) {
		s.launch.Log.Warn("the access log cannot be written, its lines are lost", "error", err)
	}
	c := &cobra.Command{
		Use:        "serve -l LISTEN [-l LISTEN ...] TARGET",
		Short:      "Serve a target over HTTP, FastCGI or SCGI",
		SuggestFor: []string{"server", "run", "start", "listen"},
		Long:       serveHelp,
		Example:    serveExample,
		Args:       takes(1, "one TARGET"),
		RunE: func(c *cobra.Command, args []string) error {
			if isInit() {
				return runAsInit()
			}
			adoptSockets()
			surviveClosedPipes()
			s.target = args[0]
			return s.run(c.Context())
		},
	}
	s.addFlags(c)
	return c
}

func (s *serving) addFlags(c *cobra.Command) {
	f, o := c.Flags(), &s.options
	f.SortFlags = false
	f.StringArrayVarP(&s.launch.Listen, "listen", "l", nil, "`address` to listen on; may be given several times")
	f.StringVar(&s.launch.Mount, "mount", "", "`path` of the target, where the web server sends no SCRIPT_NAME and PATH_INFO")
	f.StringArrayVar(&s.allow, "allow", nil, "`who` may connect: an address, 10.0.0.0/8, or a user id on a unix socket; several times")
	f.Var((*byteSize)(&s.launch.MaxBodyBytes), "max-body", "`size` of a request body at most, such as 64M; 0 is no bound")
	f.StringVar(&o.root, "root", "", "`folder` of the site: DOCUMENT_ROOT")
	f.BoolVar(&o.resolveRoot, "resolve-root", false, "send the target the path of --root without symbolic links, for PHP's opcode cache")
	f.Var((*linkPolicy)(&o.symlinks), "symlinks", "`which` symbolic links in a folder are followed: owner, all or none; owner: links of root or of the owner of their target")
	f.StringArrayVar(&o.splitPath, "split-path", nil, "`extension` by which a path names a script below --root, such as .php; several times")
	f.StringArrayVar(&o.index, "index", nil, "`name` of the file that answers for its folder; several times (default index.php for .php, then index.html)")
	f.StringVar(&o.fallback, "fallback", "", "`script` for paths at which nothing is, such as /index.php")
	f.StringArrayVar(&o.env, "env", nil, "`NAME=value` to add to the variables of each request; several times")
	f.DurationVar(&o.timeout, "timeout", 0, "`time` for a whole request, such as 5m; without it, 60s for each wait")
	f.IntVar(&o.concurrency, "concurrency", 0, "`number` of requests that the target works on at the same time; more wait (default no bound, 64 for cgi:)")
	f.Var(&o.keepConns, "keep-conns", "`number` of connections to a FastCGI target that are kept; auto keeps them if the application multiplexes")
	f.DurationVar(&o.keepIdle, "keep-idle", 0, "`time` after which a kept connection without a request is closed (default 10s)")
	f.BoolVar(&o.strictExit, "strict-exit", false, "break the response of a CGI script that exits with a status that is not zero")
	o.buffer.addFlags(f)
	f.Var(&o.offload, "offload", "`/PATH=FOLDER` of files that the target may name in X-Accel-Redirect (/PATH/NAME) or X-Sendfile (FOLDER/NAME); several times")
	f.BoolVar(&o.passAccel, "pass-accel", false, "pass X-Accel-Redirect, X-Sendfile and their kind over HTTP too, to a web server in front")
	f.StringSliceVar(&s.engines, "fastcgi-engine", nil, "`engine` of FastCGI: cgikit, nethttp for listeners, or gofast for the target (default cgikit)")
	f.BoolVar(&s.validated, "validate", false, "check every request and response, and fail those that break a rule")
	f.StringVar(&s.accessLog, "access-log", "off", "`format` of a line for each request on standard output: combined, json or off")
	f.StringVar(&s.metrics, "metrics", "", "`address` of the status page, such as 127.0.0.1:9100")
}

// run looks at all that was asked for before it listens anywhere.
func (s *serving) run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	access, err := newAccessLog(s.accessWriter, s.accessLog)
	if err != nil {
		return err
	}
	target, err := openTarget(s.target, s.options, s.launch.Log)
	if err != nil {
		return err
	}
	defer s.closeTarget(target)
	if choice := launch.Detect(launch.Look(s.launch.Listen...)); choice.Mode != launch.Address {
		return cli.Failure(errors.New("what was asked for and how the process was started do not fit: "+choice.Why),
			"name an inherited socket by -l fastcgi+fd:0 or -l http+systemd:0, and keep REQUEST_METHOD out of the environment")
	}
	if s.metrics == "" {
		s.launch.App = s.app(target, access, nil)
		return plain(s.launch.Run(ctx))
	}
	return s.runMonitored(ctx, target, access)
}

// closeTarget ends what the target has started.
func (s *serving) closeTarget(t *target) {
	if err := t.close(); err != nil {
		s.launch.Log.Warn("closing the target", "error", err)
	}
}

// check looks at what needs nothing opened.
func (s *serving) check() (err error) {
	if err := checkListen(s.launch.Listen, s.metrics); err != nil {
		return err
	}
	if s.launch.AllowedPeers, s.launch.AllowedUIDs, err = parseAllow(s.allow); err != nil {
		return cli.Usage(err, "such as --allow 10.0.0.0/8, --allow 127.0.0.1, or for a unix socket the number that \"id -u www-data\" tells")
	}
	for _, name := range s.engines {
		switch name {
		case "cgikit":
		case "nethttp":
			s.launch.StdFastCGI = true
		case "gofast":
			s.options.gofast = true
		default:
			return cli.Usage(fmt.Errorf("there is no FastCGI engine %.64q", name), "--fastcgi-engine is cgikit, nethttp or gofast")
		}
	}
	s.options.mount = s.launch.Mount
	return nil
}

// app is the target with what has to see its requests around it.
func (s *serving) app(t *target, access *slog.Logger, ledger *monitor.Ledger) gateway.App {
	app := t.app
	if access != nil || ledger != nil {
		done := func(a *gateway.Access) {
			if ledger != nil {
				ledger.Enter(a)
			}
			if access != nil {
				logAccess(access, a)
			}
		}
		app, s.launch.Refused = t.watched(done), gateway.WatchRefusals(done)
	}
	if ledger != nil {
		app = ledger.Count(app)
	}
	if s.validated {
		app = validate.New(app, &validate.Options{Log: s.launch.Log})
	}
	return app
}

// runMonitored has the status page open from before the first listener to after the last request.
func (s *serving) runMonitored(ctx context.Context, t *target, access *slog.Logger) error {
	ledger := new(monitor.Ledger)
	s.launch.Monitor = new(launch.Monitor)
	m := &monitor.Monitor{
		Target:  s.target,
		Start:   time.Now(),
		Ledger:  ledger,
		Servers: s.launch.Monitor.Stats,
		Serving: s.launch.Monitor.Serving,
		Pool:    t.pool,
		LogLost: func() (access, log uint64) { return s.accessWriter.lost.Load(), s.errorLog.lost.Load() },
	}
	stop, err := serveMetrics(s.metrics, m.Handler(), s.launch.Log)
	if err != nil {
		return err
	}
	defer stop()
	s.launch.App = s.app(t, access, ledger)
	return plain(s.launch.Run(ctx))
}

// plain takes off an error to listen what launch says beside it to programs that have no command
// line.
func plain(err error) error {
	if address := (*listen.AddressError)(nil); errors.As(err, &address) {
		return address
	}
	if open := (*listen.OpenError)(nil); errors.As(err, &open) {
		return open
	}
	return err
}
