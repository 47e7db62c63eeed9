package main

import (
	"cmp"
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

const serveHelp = `serve accepts requests on each address LISTEN, and answers them with TARGET. It runs until SIGTERM
or Ctrl-C. Current requests may then finish; a second signal aborts them. CGI scripts that still run
after that get SIGTERM, and SIGKILL 3 seconds later.

LISTEN is one of
  http://127.0.0.1:8080      HTTP over TCP; fastcgi: and scgi: are the other protocols
  fastcgi+unix:/run/app.sock a unix socket, also with ?mode=0660&owner=NAME&group=NAME
  scgi+fd:0                  an inherited socket, such as that of spawn-fcgi
  http+systemd:NAME          a socket that systemd opened, by its name or index
  https://0.0.0.0:443        HTTPS with HTTP/2, with --tls-cert and --tls-key
  auto://127.0.0.1:9000      all protocols but https on one listener
  http://127.0.0.1:8080?proxy=1  from HAProxy with send-proxy or send-proxy-v2, see Behind a proxy

TARGET is one of
  demo:                      the application of "cgikit demo"
  echo:                      the application that "cgikit check --echo" checks
  files:DIR                  the files of a folder, except hidden ones
  cgi:SCRIPT                 a CGI script, started for each request
  cgi:DIR                    a folder of CGI scripts; a request's path begins with its script's
  spawn:PROGRAM ARGS         a FastCGI program, run as several processes: see "cgikit spawn --help"
  fastcgi://127.0.0.1:9000   a FastCGI application, such as php-fpm; also fastcgi+unix:/run/app.sock
  scgi://127.0.0.1:4000      an SCGI application; also scgi+unix:/run/app.sock

Several TARGETs are addresses of one FastCGI or SCGI application, in order of preference. serve
connects to the first that accepts. For 5 seconds after a TARGET could not be reached, serve tries
it after all others. After that, one request tries it at its place in the order again. To spread the
load, use HAProxy, nginx or a Kubernetes service.

Several cgi: TARGETs: a web server in front names the script of each request, by SCRIPT_FILENAME, or
by DOCUMENT_ROOT and SCRIPT_NAME. It must be one of the TARGETs, or be in one that is a folder; any
other is answered 403. With fcgiwrap, a web server may name every program of the machine, unless the
option -p forbids that. "cgikit config fcgiwrap" prints units that replace those of fcgiwrap.

Kept connections: before the first request, serve sends FCGI_GET_VALUES to a FastCGI application. It
keeps connections only if the application multiplexes: it can answer several requests at the same
time on one connection. php-fpm and programs with libfcgi cannot: a kept connection would occupy one
of their workers. --keep-conns sets the number of connections instead; 0 keeps none.

Sites: with --root and --split-path, the path of a request names a script below a folder, as in a
web server in front of php-fpm. Other files of the folder are sent as files. Without these flags,
the target is one application that answers all paths.

A path finds a file, then the index of a folder, then --fallback, as with nginx's "try_files $uri
$uri/ /index.php". With --root and without --split-path, --fallback is @target, so that files come
first and the target answers all other paths, or a script, such as /index.php, whose extension all
scripts have. --alias, --deny, --precompressed, --header and --cache-control do what nginx does by
alias, deny, gzip_static and add_header. A pattern of --deny that begins with a slash is a path and
all below it; any other is the name of a file or folder anywhere. The patterns hold for scripts and
files, however a client encodes the path. Several sites, rewriting, caching and compression on the
fly are the work of a web server in front: "cgikit config" prints configurations of nginx and Caddy.

Behind a proxy: with ?proxy=1, each connection begins with a PROXY protocol header, version 1 or 2.
It must come from a peer of --allow, or without --allow from this machine. The address that the
header announces is REMOTE_ADDR over HTTP. A connection without a valid header is closed. Over HTTP,
the fields X-Forwarded-For, -Proto, -Host and -Port of a peer of --trust set REMOTE_ADDR, HTTPS,
SERVER_NAME and SERVER_PORT: the address is the first from the right that is not itself trusted.
Forwarded is used if there is no X-Forwarded-For. Such a proxy must set or remove each of these
fields, since otherwise its clients can. With --request-id, each request has an id in
HTTP_X_REQUEST_ID, in X-Request-ID of the response and in both logs. The combined access log then
has it as a further field at the end.

Processes: a spawn: target is one word of the shell. Spaces separate the arguments, unless they are
quoted or follow a backslash: "spawn:php-cgi -d memory_limit=1G". Its number of processes follows
the requests that wait, between --min and --max. SIGHUP replaces the processes: see Reload. Only
serve can connect to them.

Reload: at SIGHUP, serve reads the certificate again, opens the folders of the flags and of the
target again, and replaces the processes of a spawn: target. Connections and current requests go on.
If a file or folder cannot be used, serve logs that and keeps the old one. A changed certificate or
link is also noticed within a second, without SIGHUP. If serve was started from a terminal, SIGHUP
ends it as SIGTERM does.

Users and limits: CGI scripts and the processes of a spawn: target run as --user, in --chdir, with
the limits --cpu, --memory, --files and --processes from their first instruction on. --processes
counts all processes of that user; root has no such limit. At most --concurrency CGI scripts run at
the same time. Up to 128 further requests wait, and others get 503. The metrics have the scripts
that run, the requests that wait, and those that were refused.

Symbolic links: DIR itself may be a link, such as to the newest release. It is resolved again every
second. Inside DIR, serve follows only the links that --symlinks allows. They may lead out of the
folder.

Slow clients do not occupy a CGI, FastCGI or SCGI target: serve buffers requests and responses in
memory, and then in temporary files, within --buffer-memory and --buffer-files. --stream turns that
off. Request bodies of unknown length are buffered even then, since these protocols send the length
first. What the FastCGI listeners hold counts within the same sizes.

Status: the address of --metrics has a status page: the requests, times and errors of the last 5
minutes, and the health of each target. It also has metrics for Prometheus at /metrics, and two
checks. /healthz answers 200 while serve accepts requests. /readyz answers 200 if a FastCGI or SCGI
target has answered a request in the last second, if it answers a probe, or if it accepts
connections and is busy; and 503 if it cannot be reached, or after SIGTERM. For a cgi: target,
/readyz answers 503 if the script or folder no longer exists or cannot be executed. With --ready
strict, a busy target is not ready. A target is probed at most once in a second, and only for these
pages: FastCGI by FCGI_GET_VALUES, or with --status by php-fpm's status page, and SCGI by a GET
request of /, or by an XML-RPC call if the target does not answer that, as rTorrent. Everyone who
can connect to the address can read all pages.

Environment: each flag has a variable, such as CGIKIT_MAX_BODY for --max-body, and TARGET has
CGIKIT_TARGET. Spaces separate the values of a flag that may be given several times. The command
line wins. "cgikit config docker.compose" and "cgikit config kubernetes.deployment" print such an
environment.

Memory: unless GOGC or GOMEMLIMIT is set, serve runs Go's garbage collector less often than Go's
default does. This takes about 15 MB more memory, and saves CPU time. GOGC=100 restores the default.

Check: with --check, serve only checks its flags, the folders and whether the target answers. It
does not listen.

Rolling updates: with --drain-delay, serve accepts requests for that time after SIGTERM, while
/readyz answers 503. This gives load balancers time to stop sending requests.`

const serveExample = `  cgikit serve -l http://127.0.0.1:8080 --root . --split-path .php spawn:php-cgi
  cgikit serve -l http://127.0.0.1:8080 files:.
  cgikit serve -l fastcgi+unix:/run/demo.sock -l scgi://127.0.0.1:4000 demo:
  cgikit serve -l http://127.0.0.1:8080 --root . --split-path .php fastcgi+unix:/run/php/php-fpm.sock
  cgikit serve -l fastcgi+unix:/run/cgi.sock cgi:/usr/lib/cgi-bin
  cgikit serve -l fastcgi+unix:/run/cgi.sock --stderr server cgi:/usr/lib/cgi-bin cgi:/usr/lib/git-core/git-http-backend
  cgikit serve -l http://127.0.0.1:8080 --user www-data --cpu 10s --memory 512M cgi:/usr/lib/cgi-bin`

// serving has the flags of serve and what they become.
type serving struct {
	launch    launch.Config
	target    string
	options   targetOptions
	engines   []string
	allow     []string
	trust     trustOptions
	accessLog string
	metrics   string
	validated bool
	tls       tlsOptions
	ready     readyOptions
	precheck  precheck

	errorLog, accessWriter *logWriter
}

func newServe(p *process) *cobra.Command {
	s := &serving{errorLog: &logWriter{w: p.stderr}, accessWriter: &logWriter{w: p.stdout}}
	s.launch.Log = newLog(s.errorLog, "why") // the command line shows the reason of launch
	s.launch.MaxBodyBytes = 1 << 30
	s.precheck.out = p.stdout
	s.accessWriter.tell = func(err error) {
		s.launch.Log.Warn("cannot write the access log, lines are lost", "error", err)
	}
	e := make(fromEnvironment)
	c := &cobra.Command{
		Use:        "serve -l LISTEN [-l LISTEN ...] TARGET [TARGET ...]",
		Short:      "Serve a target over HTTP, FastCGI or SCGI",
		SuggestFor: []string{"server", "run", "start", "listen"},
		Long:       serveHelp,
		Example:    serveExample,
		Args: func(c *cobra.Command, args []string) error {
			return takesTargets(c, e.targets(args, p.getenv))
		},
		RunE: func(c *cobra.Command, args []string) error {
			if isInit() {
				return runAsInit()
			}
			setCollector(p.getenv)
			adoptSockets()
			surviveClosedPipes()
			args = e.targets(args, p.getenv)
			s.target, s.options.fallbacks = args[0], args[1:]
			if err := e.setFlags(c.Flags(), p.getenv); err != nil {
				return err
			}
			return e.addVariables(s.run(c.Context()))
		},
	}
	s.addFlags(c)
	return c
}

func (s *serving) addFlags(c *cobra.Command) {
	f, o := c.Flags(), &s.options
	f.SortFlags = false
	f.StringArrayVarP(&s.launch.Listen, "listen", "l", nil, "`address` to listen on; may be given several times")
	f.StringVar(&s.launch.Mount, "mount", "", "`path` below which the target answers, such as /app, if the web server sends no SCRIPT_NAME and PATH_INFO")
	f.StringArrayVar(&s.allow, "allow", nil, "`peer` that may connect: an address, a network such as 10.0.0.0/8, or a user id on a unix socket; may be given several times (default every peer)")
	s.trust.addFlags(f)
	s.tls.addFlags(f)
	f.Var((*byteSize)(&s.launch.MaxBodyBytes), "max-body", "largest `size` of a request body, such as 64M; 0 is no limit")
	f.StringVar(&o.root, "root", "", "`folder` of the site: DOCUMENT_ROOT")
	f.BoolVar(&o.resolveRoot, "resolve-root", false, "send --root to the target with symbolic links resolved, so that PHP's opcode cache sees a new release")
	f.Var((*linkPolicy)(&o.symlinks), "symlinks", "`which` symbolic links in a folder are followed: all, none, or owner: links of root or of the owner of their target")
	f.StringArrayVar(&o.splitPath, "split-path", nil, "`extension` of the scripts below --root, such as .php; may be given several times")
	f.StringArrayVar(&o.index, "index", nil, "`name` of the file that answers for its folder; may be given several times (default index.php for .php, then index.html)")
	o.site.addFlags(f)
	f.StringArrayVar(&o.env, "env", nil, "`NAME=value` to add to the variables of each request; may be given several times")
	f.StringArrayVar(&o.inheritEnv, "inherit-env", nil, "`name` of a variable of this process, such as HOME, that CGI scripts get too; may be given several times (default only PATH)")
	f.Var(&o.stderr, "stderr", "`where` the error stream of the target goes: log, or server, the log of the web server that sends requests over FastCGI (default log)")
	f.DurationVar(&o.timeout, "timeout", 0, "longest `time` of a whole request, such as 5m (default no limit of the whole, and 60s for each wait for the target)")
	f.IntVar(&o.concurrency, "concurrency", 0, "largest `number` of requests in the target at the same time; further ones wait (default no limit, 64 for cgi:)")
	f.Var(&o.keepConns, "keep-conns", "`number` of connections to keep to a FastCGI target; auto keeps them if the application multiplexes; 0 keeps none")
	f.DurationVar(&o.keepIdle, "keep-idle", 0, "`time` after which a kept connection without a request is closed (default 10s)")
	f.BoolVar(&o.strictExit, "strict-exit", false, "break the response of a CGI script that exits with a non-zero status")
	o.buffer.addFlags(f)
	f.Var(&o.offload, "offload", "`/PATH=FOLDER` of files that the target may name in X-Accel-Redirect (/PATH/NAME) or X-Sendfile (FOLDER/NAME); may be given several times")
	f.BoolVar(&o.passAccel, "pass-accel", false, "send X-Accel-Redirect, X-Sendfile and similar fields over HTTP too, for a web server in front")
	f.StringSliceVar(&s.engines, "fastcgi-engine", nil, "FastCGI `engine`: cgikit, nethttp (listeners only) or gofast (target only); may be given several times (default cgikit)")
	f.BoolVar(&s.validated, "validate", false, "check each request and response against the rules of package gateway/validate; one that breaks a rule fails")
	f.StringVar(&s.accessLog, "access-log", "off", "`format` of the access log on standard output: combined, json or off")
	f.StringVar(&s.metrics, "metrics", "", "`address` of the status page and the metrics, such as 127.0.0.1:9100 (default none)")
	o.spawn.addPoolFlags(f, "1", "8, or --min if that is more")
	o.spawn.process.addFlags(f)
	s.ready.addFlags(f)
	s.precheck.addFlags(f)
	f.DurationVar(&s.launch.DrainDelay, "drain-delay", 0, "`time` after SIGTERM in which requests are still accepted, such as 5s (default none)")
}

// run checks all flags before it listens.
func (s *serving) run(ctx context.Context) error {
	if err := s.check(); err != nil {
		return err
	}
	access, err := newAccessLog(s.accessWriter, s.accessLog)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.options.failed = cancel
	target, err := openTarget(s.target, s.options, s.launch.Log)
	if err != nil {
		return err
	}
	defer s.closeTarget(target)
	s.launch.Reload, s.launch.Budget = s.reloader(target), target.budget
	if choice := launch.Detect(launch.Look(s.launch.Listen...)); choice.Mode != launch.Address {
		return cli.Failure(errors.New("the flags do not fit the way in which the process was started: "+choice.Why),
			"name an inherited socket by -l fastcgi+fd:0 or -l http+systemd:0, and remove REQUEST_METHOD from the environment")
	}
	s.warnOfSpool()
	if s.precheck.only {
		return cmp.Or(context.Cause(ctx), plain(s.report(target)))
	}
	if s.metrics == "" {
		s.launch.App = s.app(target, access, nil)
		err = plain(s.launch.Run(ctx))
	} else {
		err = s.runMonitored(ctx, target, access)
	}
	return cmp.Or(context.Cause(ctx), err)
}

// closeTarget closes the connections or stops the processes of the target.
func (s *serving) closeTarget(t *target) {
	if err := t.close(); err != nil {
		s.launch.Log.Warn("closing the target", "error", err)
	}
}

// check finds mistakes that need no open file or socket to be found.
func (s *serving) check() (err error) {
	if err := checkListen(s.launch.Listen, s.metrics); err != nil {
		return err
	}
	if s.launch.TLS, err = s.tls.config(s.launch.Listen, s.launch.Log); err != nil {
		return err
	}
	s.launch.UnencryptedHTTP2 = s.tls.h2c
	if s.launch.AllowedPeers, s.launch.AllowedUIDs, err = parseAllow(s.allow); err != nil {
		return cli.Usage(err, "such as --allow 10.0.0.0/8, --allow 127.0.0.1, or for a unix socket the number that \"id -u www-data\" prints")
	}
	if err := s.trust.set(&s.launch); err != nil {
		return err
	}
	for _, name := range s.engines {
		switch name {
		case "cgikit":
		case "nethttp":
			s.launch.StdFastCGI = true
		case "gofast":
			s.options.gofast = true
		default:
			return cli.Usage(fmt.Errorf("unknown FastCGI engine %.64q", name), "--fastcgi-engine is cgikit, nethttp or gofast")
		}
	}
	if _, err := s.options.site.addFields(nil); err != nil {
		return err
	}
	if s.launch.DrainDelay < 0 {
		return cli.Usage(errors.New("--drain-delay cannot be negative"), "such as --drain-delay 5s; without the flag there is no delay")
	}
	s.options.mount = s.launch.Mount
	if err := checkLoop(s.launch.Listen, append([]string{s.target}, s.options.fallbacks...)); err != nil {
		return err
	}
	return s.ready.check(s.target, s.metrics)
}

// app returns the target, wrapped in the access log, the counters, --validate, --header and
// --request-id.
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
	app, _ = s.options.site.addFields(app) // check has found the errors
	if s.trust.requestID {
		app = gateway.Identify(app)
	}
	return app
}

// runMonitored serves the status page from before the first listener opens until the last request
// has finished.
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
		Scripts: t.scripts,
		Workers: t.stats(),
		LogLost: func() (access, log uint64) { return s.accessWriter.lost.Load(), s.errorLog.lost.Load() },
	}
	if err := s.setReady(m, t); err != nil {
		return err
	}
	stop, err := serveMetrics(s.metrics, m.Handler(), s.launch.Log)
	if err != nil {
		return err
	}
	defer stop()
	s.launch.App = s.app(t, access, ledger)
	return plain(s.launch.Run(ctx))
}

// plain removes from an error of listen the text of launch, which addresses programs without a
// command line.
func plain(err error) error {
	if address := (*listen.AddressError)(nil); errors.As(err, &address) {
		return address
	}
	if open := (*listen.OpenError)(nil); errors.As(err, &open) {
		return open
	}
	return err
}
