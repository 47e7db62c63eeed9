package launch

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Run serves app in the way that the start of the process calls for. It is short for [Config.Run]
// with an App only.
func Run(ctx context.Context, app gateway.App) error {
	return Config{App: app}.Run(ctx)
}

// Config has the settings of a program. The zero value with an App works for every way to start a
// program.
//
// # The garbage collector
//
// This package does not change the settings of Go's garbage collector, which belong to the program.
// With GOGC=400 in its environment, a server with few live objects takes 0.89 of the CPU time that
// it takes with Go's default of 100 for a small FastCGI request, and 0.86 if an http.Handler
// answers it (medians of 31 interleaved rounds), for about 12 MB more memory. The command cgikit
// serve makes the collector run less often too, unless GOGC or GOMEMLIMIT is set.
type Config struct {
	// App answers the requests: one in a CGI process, otherwise several at the same time. It must
	// be set.
	App gateway.App

	// Listen has the addresses to serve if the process is not a CGI script and has inherited no
	// socket. They are addresses of package listen with a protocol, such as
	// "http://127.0.0.1:8080", "fastcgi+unix:/run/app.sock" or "auto://127.0.0.1:9000". If one of
	// them names an inherited socket ("scgi+fd:0", "http+systemd:web"), Run serves all of Listen
	// even if a socket was inherited. Empty strings are ignored. An empty Listen means the
	// environment variable CGIKIT_LISTEN, and without that HTTP on 127.0.0.1:8080 or, if that port
	// is in use, on a free port.
	Listen []string

	// Log gets a line with each address that is served (a URL for HTTP), a line when the shutdown
	// begins, and the warnings and errors of the servers. Nil means slog.Default(), which writes to
	// standard error. A CGI process does not use it.
	Log *slog.Logger

	// DrainTimeout bounds how long requests under way may take after the process was asked to end.
	// Zero means 30 seconds, negative no bound. A CGI process has no such bound.
	DrainTimeout time.Duration

	// DrainDelay is how long all requests are still answered after the process was asked to end,
	// before the listeners close and DrainTimeout begins. During this time Monitor.Draining returns
	// true, so that a load balancer that asks a readiness check stops sending requests before
	// connections are refused. A second signal ends the delay. Zero and negative mean no delay. A
	// CGI process has none.
	DrainDelay time.Duration

	// MaxBodyBytes bounds the body of a request, in bytes. A larger one is answered 413. Zero and
	// negative mean no bound.
	MaxBodyBytes int64

	// Budget bounds the bytes that the FastCGI server holds: see fastcgi.Server.Budget. An App that
	// buffers, such as a host.Handler, may have the same one. nethttp.Server does not use it, and
	// the other servers hold nothing. Nil is a Budget with the default sizes.
	Budget *exchange.Budget

	// Mount is the path of the App, such as "/app". Over HTTP, only paths below it are served, and
	// an empty Mount means the root. Over FastCGI and SCGI, set it if the web server does not
	// separate SCRIPT_NAME and PATH_INFO (see exchange.Mount); an empty Mount means that it does. A
	// CGI process ignores Mount.
	Mount string

	// AllowedPeers and AllowedUIDs say who may connect, over every protocol: by address over TCP,
	// by user id (Linux only) on a unix socket. If both are empty, every peer may connect. If
	// either has an entry, a peer must be in the list of its kind, and FCGI_WEB_SERVER_ADDRS, which
	// limits FastCGI and SCGI only, is ignored.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// TrustedProxies and TrustUnix say which peers may describe the requests of their clients over
	// HTTP; see httpapp.AppHandler.TrustedProxies. Over FastCGI and SCGI, the web server does so in
	// the variables.
	TrustedProxies []netip.Prefix
	TrustUnix      bool

	// TLS serves the https addresses of Listen, which need it: see httpapp.Server.ServeTLS. It must
	// have a certificate, or a function for it such as that of an httpapp.Certificate.
	TLS *tls.Config

	// UnencryptedHTTP2 answers HTTP/2 on http and auto addresses too, to clients that begin with
	// its preface: see httpapp.Server.UnencryptedHTTP2.
	UnencryptedHTTP2 bool

	// DropRequestID ignores ids that other peers send over HTTP; see
	// httpapp.AppHandler.DropRequestID.
	DropRequestID bool

	// Refused, if not nil, is called for each request that is answered without the App, as the
	// servers' fields of that name are.
	Refused func(*gateway.Refusal)

	// Monitor, if not nil, shows the state of Run.
	Monitor *Monitor

	// Reload, if not nil, is called at SIGHUP, which then does not ask the process to end. It is
	// called on a goroutine of its own, one call at a time. A program that may be started from a
	// terminal leaves it nil there, since SIGHUP then means that the terminal has closed.
	Reload func()

	// StdFastCGI serves FastCGI with nethttp.Server, over net/http/fcgi, in place of
	// fastcgi.Server.
	StdFastCGI bool
}

const defaultDrainTimeout = 30 * time.Second

// Run serves as [Detect] decides, until ctx ends, a signal asks the process to end, or a listener
// fails. It returns nil if all requests under way were then answered; in a CGI process, if the one
// response is complete. Otherwise it returns why it cannot serve, or that requests were cut off.
// The program should then exit with status 1.
//
// SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 and the end of ctx let the requests under way finish.
// The second signal ends Run at once; if it is SIGQUIT, the process prints its goroutines and exits
// with status 2. During DrainDelay the second signal ends the delay, and the third does that. A
// SIGHUP that was ignored when the process started, as under nohup, stays ignored. On Windows only
// the interrupt is caught. In a CGI process, package cgi catches the signals.
//
// While Run serves, a write to a standard output or standard error whose reader has gone fails with
// EPIPE. Otherwise SIGPIPE would end a Go program.
//
// Run does not wait for orphaned processes. Process 1 of a container becomes the parent of all
// orphans, and they remain zombies until it waits for them. If a program is process 1 and starts
// other programs, such as CGI scripts, the container needs an init, as "docker run --init"
// provides. The command cgikit is its own init.
//
// Only one Run at a time may be under way in a process, since a process has one standard input and
// one set of signals.
func (c Config) Run(ctx context.Context) error {
	if c.App == nil {
		return errors.New("launch: Config.App is nil")
	}
	choice := Detect(Look(c.Listen...))
	switch choice.Mode {
	case CGI:
		s := cgi.Server{App: c.App, MaxBodyBytes: c.MaxBodyBytes, Refused: c.Refused}
		return s.Serve(ctx)
	case Unusable:
		return fmt.Errorf("launch: %s (hint: start the program without inetd, with an address in %s)", choice.Why, ListenVariable)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c.serve(ctx, choice)
}

// serve catches signals before it opens a listener, so that a signal cannot end the process before
// the listeners are closed.
func (c Config) serve(ctx context.Context, choice Choice) error {
	signals := catchSignals(ctx, c.DrainDelay > 0, c.Reload)
	defer signals.release()
	s, err := c.newServers()
	if err != nil {
		return err
	}
	open, err := c.listenOn(choice)
	if err != nil {
		return fmt.Errorf("launch: %w (%s; addresses are such as http://127.0.0.1:8080 or fastcgi+unix:/run/app.sock)",
			err, choice.Why)
	}
	c.Monitor.start(s)
	for _, l := range open {
		c.Log.Info("serving", "address", l.address(c.Mount), "why", choice.Why)
		s.start(l)
	}
	select {
	case <-signals.first.Done():
		err = c.waitDelay(signals, s.failed)
		c.Monitor.stop() // before the log line: a reader of the line must not see Serving return true
		c.Log.Info("ending, requests under way may finish", "cause", context.Cause(signals.first))
	case err = <-s.failed:
		c.Monitor.stop()
	}
	return errors.Join(err, s.drain(signals.second, c.drainTimeout()))
}

// waitDelay waits until DrainDelay is over, a signal ends it, or a listener fails.
func (c Config) waitDelay(signals *signals, failed <-chan error) error {
	c.Monitor.drain()
	if c.DrainDelay <= 0 {
		return nil
	}
	c.Log.Info("draining, requests are answered until the delay is over", "cause", context.Cause(signals.first), "delay", c.DrainDelay)
	timer := time.AfterFunc(c.DrainDelay, func() { signals.endDelay(nil) })
	defer timer.Stop()
	select {
	case <-signals.delay.Done():
		return nil
	case err := <-failed:
		signals.endDelay(nil)
		return err
	}
}

// drainTimeout returns DrainTimeout, or its default. A negative one means no bound.
func (c Config) drainTimeout() time.Duration { return cmp.Or(c.DrainTimeout, defaultDrainTimeout) }

// listener is an open listener and its protocol.
type listener struct {
	net.Listener
	protocol string
}

// listenOn opens the listeners of all addresses of choice. If one fails, it closes the others.
func (c Config) listenOn(choice Choice) ([]listener, error) {
	var open []listener
	for _, address := range choice.Listen {
		l, err := c.listenOne(address)
		if err != nil && choice.Mode == Fallback {
			l, err = c.listenOne("http://127.0.0.1:0")
		}
		if err != nil {
			for _, l := range open {
				l.Close()
			}
			return nil, err
		}
		open = append(open, l)
	}
	return open, nil
}

func (c Config) listenOne(address string) (listener, error) {
	if isList(address) {
		return listener{}, &listen.AddressError{Input: address, Reason: "is a list: addresses are separated by spaces, not by commas"}
	}
	a, err := listen.Parse(address)
	if err != nil {
		return listener{}, err
	}
	if a.Network != "" && a.Protocol == "" {
		return listener{}, &listen.AddressError{Input: address, Reason: "has no protocol: write http, fastcgi, scgi or auto before it"}
	}
	if a.Protocol == "https" && c.TLS == nil {
		return listener{}, &listen.AddressError{Input: address, Reason: "needs a certificate: set Config.TLS"}
	}
	l, err := listen.Listen(a)
	return listener{l, a.Protocol}, err
}

// isList reports whether address is a list with commas. A comma without an address after it may
// belong to a socket's path.
func isList(address string) bool {
	_, rest, _ := strings.Cut(address, ",")
	for part := range strings.SplitSeq(rest, ",") {
		if a, err := listen.Parse(strings.TrimSpace(part)); err == nil && a.Protocol != "" {
			return true
		}
	}
	return false
}

// address returns the actual address of the listener, in the grammar of package listen. For HTTP it
// is a URL that a browser can open.
func (l listener) address(mount string) string {
	switch a := l.Addr(); {
	case a.Network() == "unix":
		return l.protocol + "+unix:" + a.String()
	case l.protocol == "http" || l.protocol == "https":
		u := url.URL{Scheme: l.protocol, Host: a.String(), Path: strings.TrimSuffix("/"+strings.Trim(mount, "/"), "/") + "/"}
		return u.String()
	default:
		return l.protocol + "://" + a.String()
	}
}
