package launch

import (
	"cmp"
	"context"
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
	"github.com/cgikit/cgikit/gateway/listen"
)

// Run serves app in the way in which the process was started. It is the short form of [Config.Run].
func Run(ctx context.Context, app gateway.App) error {
	return Config{App: app}.Run(ctx)
}

// Config says what to serve. Its zero value, with an App, is right for every way of being started.
type Config struct {
	// App answers the requests: one as CGI, several at the same time otherwise. It must be set.
	App gateway.App

	// Listen is where to serve when the process is no CGI script and has inherited no socket:
	// addresses of package listen with a protocol, such as "http://127.0.0.1:8080",
	// "fastcgi+unix:/run/app.sock" or "auto://127.0.0.1:9000". An address of an inherited socket
	// ("scgi+fd:0", "http+systemd:web") says how that is to be served, and then all of Listen
	// counts. Empty strings do not. Empty is the environment variable CGIKIT_LISTEN; without that,
	// HTTP on 127.0.0.1:8080 or a free port of that address.
	Listen []string

	// Log gets a line for each address that is served, its URL among it, for the beginning of the
	// end, and for what the servers have to complain of. Nil is slog.Default(), which writes to
	// standard error. A CGI process does not use it.
	Log *slog.Logger

	// DrainTimeout bounds how long requests under way may take once the process was asked to end.
	// Zero is 30 seconds, negative no bound. CGI has no such bound.
	DrainTimeout time.Duration

	// MaxBodyBytes bounds the body of a request, in bytes: a larger one is answered 413. Zero and
	// negative are no bound.
	MaxBodyBytes int64

	// Mount is the path of the App, such as "/app". Over HTTP only what is below it is served. Over
	// FastCGI and SCGI it is for web servers that do not tell SCRIPT_NAME and PATH_INFO apart, see
	// exchange.Mount. CGI does not need it. Empty is the root over HTTP, and otherwise what the web
	// server says.
	Mount string

	// AllowedPeers and AllowedUIDs say who may connect, over every protocol: by address over TCP,
	// by user id (Linux only) on a unix socket. While both are empty everyone may; once either has
	// an entry, a peer must be in the list of its kind. They take the place of
	// FCGI_WEB_SERVER_ADDRS, which is for FastCGI and SCGI only.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Refused, if not nil, is told of each request that is answered without the App, as the
	// servers' fields of that name are.
	Refused func(*gateway.Refusal)

	// Monitor, if not nil, shows what Run is doing.
	Monitor *Monitor

	// StdFastCGI serves FastCGI with nethttp.Server, over net/http/fcgi, in place of
	// fastcgi.Server.
	StdFastCGI bool
}

const defaultDrainTimeout = 30 * time.Second

// Run serves as [Detect] decides, until ctx ends, a signal asks the process to end, or a listener
// fails. It returns nil when all requests were answered after that, and as CGI when the one
// response is complete. Otherwise it returns why it cannot serve, or that requests were cut off;
// then the program should exit with status 1.
//
// SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1 and the end of ctx let the requests under way finish.
// The second signal ends Run at once; where it is SIGQUIT, the process prints its goroutines and
// exits with status 2. A SIGHUP that was ignored when the process started, as under nohup, stays
// ignored. On Windows only the interrupt is caught, and in a CGI process what package cgi catches.
//
// While Run serves, a write to a standard output or standard error that has lost its reader fails
// with EPIPE. A Go program would otherwise be ended by SIGPIPE.
//
// Run does not wait for orphans. A program that is process 1 of a container is given all of them,
// and they remain zombies until it waits for them. If it starts other programs, such as CGI
// scripts, it needs an init, as "docker run --init" provides. The command cgikit is its own init.
//
// One Run at a time may be under way in a process, as there is one standard input and one set of
// signals.
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
		return fmt.Errorf("launch: %s (hint: start the program by itself, with an address in %s)", choice.Why, ListenVariable)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	return c.serve(ctx, choice)
}

// serve catches signals before it opens anything, so that whatever was opened is closed again.
func (c Config) serve(ctx context.Context, choice Choice) error {
	signals := catchSignals(ctx)
	defer signals.release()
	s, err := c.newServers()
	if err != nil {
		return err
	}
	open, err := listenOn(choice)
	if err != nil {
		return fmt.Errorf("launch: %w (%s; package listen has the grammar: http://127.0.0.1:8080, fastcgi+unix:/run/app.sock)",
			err, choice.Why)
	}
	c.Monitor.begin(s)
	for _, l := range open {
		c.Log.Info("serving", "address", l.address(c.Mount), "why", choice.Why)
		s.start(l)
	}
	select {
	case <-signals.asked.Done():
		c.Monitor.end() // before the line: who has read it finds nobody serving
		c.Log.Info("ending, requests under way may finish", "cause", context.Cause(signals.asked))
	case err = <-s.failed:
		c.Monitor.end()
	}
	return errors.Join(err, s.drain(signals.insisted, c.drainTimeout()))
}

// drainTimeout is the bound that DrainTimeout means; a negative one is none.
func (c Config) drainTimeout() time.Duration { return cmp.Or(c.DrainTimeout, defaultDrainTimeout) }

// listener is an open address and what is spoken there.
type listener struct {
	net.Listener
	protocol string
}

// listenOn opens all addresses of choice or none.
func listenOn(choice Choice) ([]listener, error) {
	var open []listener
	for _, address := range choice.Listen {
		l, err := listenOne(address)
		if err != nil && choice.Mode == Fallback {
			l, err = listenOne("http://127.0.0.1:0")
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

func listenOne(address string) (listener, error) {
	if isList(address) {
		return listener{}, &listen.AddressError{Input: address, Reason: "is a list: addresses are separated by spaces, not by commas"}
	}
	a, err := listen.Parse(address)
	if err != nil {
		return listener{}, err
	}
	if a.Network != "" && a.Protocol == "" {
		return listener{}, &listen.AddressError{Input: address, Reason: "names no protocol: write http, fastcgi, scgi or auto before it"}
	}
	l, err := listen.Listen(a)
	return listener{l, a.Protocol}, err
}

// isList reports whether address is several with commas between them. A comma alone may be part of
// a socket's path.
func isList(address string) bool {
	_, rest, _ := strings.Cut(address, ",")
	for part := range strings.SplitSeq(rest, ",") {
		if a, err := listen.Parse(strings.TrimSpace(part)); err == nil && a.Protocol != "" {
			return true
		}
	}
	return false
}

// address is where the listener really is, in the grammar of package listen; for HTTP, what a
// browser takes.
func (l listener) address(mount string) string {
	switch a := l.Addr(); {
	case a.Network() == "unix":
		return l.protocol + "+unix:" + a.String()
	case l.protocol == "http":
		u := url.URL{Scheme: "http", Host: a.String(), Path: strings.TrimSuffix("/"+strings.Trim(mount, "/"), "/") + "/"}
		return u.String()
	default:
		return l.protocol + "://" + a.String()
	}
}
