package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/monitor"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/spawn"
)

const spawnHelp = `spawn runs a FastCGI or SCGI program as several processes, the workers. All of them accept
connections on one socket, which each has as descriptor 0. spawn replaces workers that end, and runs
until SIGTERM or Ctrl-C.

LISTEN is an address of serve, such as fastcgi://127.0.0.1:9000 or
fastcgi+unix:/run/app.sock?mode=0660&group=www-data. The protocol in it has no effect: the program
decides which protocol it speaks.

Workers: -n of them run. With --min and --max their number follows the connections that wait in the
queue of the socket, which Linux reports: spawn starts more while connections wait, and stops one
after each time --idle in which none waits. A program that accepts connections before it can answer,
as programs in Go do, never has a queue. If the queue cannot be read, -n workers run.

A worker that ends is replaced at once. Workers that end within a second of their start are replaced
after a delay, which doubles. If no worker runs for a second, spawn ends with exit status 1: after 5
such failures at the start, or after 10 if workers have run before.

Signals: SIGTERM asks the workers to finish their requests, by --stop-signal; after --stop-timeout,
or at a second SIGTERM, they are killed with the processes that they have started. SIGHUP replaces
all workers one after another, and requests wait meanwhile; on a terminal it ends spawn. SIGUSR1
goes to the workers. A program that finishes its request after --stop-signal loses none: php-cgi,
libfcgi, FCGI.pm and programs of this module do so after TERM. There is one exception: libfcgi and
FCGI.pm close a connection that they accept in the moment of the signal, usually none in 50,000
requests. A program that ends at once loses the request that it has: spawn waits for a moment in
which it has none, for at most 250 ms.

Users and limits: --user is NAME, for the groups that a login of the user has, or NAME:GROUP for
that group alone. Only root can change the user. The limits hold for each process from its first
instruction on. --processes counts all processes and threads of the user; root has no such limit.

Environment: workers have the environment of spawn without the variables CGIKIT_*. php-cgi gets
PHP_FCGI_CHILDREN=0 if the variable is not set, so that each worker is one process. It ends after
500 requests, or PHP_FCGI_MAX_REQUESTS.`

const spawnExample = `  cgikit spawn -l fastcgi://127.0.0.1:9000 -n 4 -- php-cgi
  cgikit spawn -l "fastcgi+unix:/run/app.sock?mode=0660&group=www-data" --user www-data -- php-cgi
  cgikit spawn -l fastcgi://127.0.0.1:9000 --min 2 --max 16 --max-memory 256M -- php-cgi`

// spawning has the flags of the verb spawn and what they become.
type spawning struct {
	listen  string
	metrics string
	options spawnOptions
	log     *slog.Logger
}

const defaultWorkers = 4

func newSpawn(p *process) *cobra.Command {
	s := &spawning{log: newLog(&logWriter{w: p.stderr})}
	c := &cobra.Command{
		Use:        "spawn -l LISTEN [-n N] -- PROGRAM [ARG ...]",
		Short:      "Run a FastCGI or SCGI program as several processes",
		SuggestFor: []string{"fork", "spawn-fcgi", "multiwatch", "manage"},
		Long:       spawnHelp,
		Example:    spawnExample,
		RunE: func(c *cobra.Command, args []string) error {
			if isInit() {
				return runAsInit()
			}
			adoptSockets()
			surviveClosedPipes()
			return s.run(c.Context(), args)
		},
	}
	f := c.Flags()
	f.SortFlags = false
	f.SetInterspersed(false) // the flags after PROGRAM are its own
	f.StringVarP(&s.listen, "listen", "l", "", "`address` of the socket; must be given")
	f.IntVarP(&s.options.workers, "workers", "n", 0, "`number` of workers at the start (default --min, or 4 without --min and --max)")
	s.options.addPoolFlags(f, "-n, or 1 without -n", "-n or --min")
	s.options.process.addFlags(f)
	s.options.addVerbFlags(f)
	f.StringVar(&s.metrics, "metrics", "", "`address` of the status page and the metrics, such as 127.0.0.1:9100 (default none)")
	return c
}

// run checks all flags and finds the program before it listens.
func (s *spawning) run(ctx context.Context, words []string) error {
	address, err := s.parseAddresses()
	if err != nil {
		return err
	}
	if s.options.workers == 0 && s.options.least == 0 && s.options.most == 0 {
		s.options.workers = defaultWorkers
	}
	pool, err := s.options.pool(words, s.log)
	if err != nil {
		return err
	}
	if err := s.options.setUmask(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	release := handleSignals(pool, cancel, s.log) // before the socket, which a signal must not leave
	defer release()
	l, err := listen.Listen(address)
	if err != nil {
		return err
	}
	defer l.Close()
	pool.Waiting = queueOf(l.Addr(), address)
	stop, err := s.serveStatus(pool, words)
	if err != nil {
		return err
	}
	defer stop()
	s.log.Info("serving", "address", nameOf(l, address), "program", pool.Path)
	return spawnFailure(pool.Run(ctx, l))
}

// spawnFailure adds a hint to the error of a Pool.
func spawnFailure(err error) error {
	if crash := (*spawn.CrashError)(nil); errors.As(err, &crash) {
		return cli.Failure(err, "the program must accept connections on descriptor 0 and stay; see what it writes with \"cgikit spawn\" on a terminal, or run it by hand under spawn-fcgi -n")
	}
	if err != nil {
		return cli.Failure(err, "the program, the interpreter of its first line and the folder of --chdir must exist, and --user must be allowed to use them")
	}
	return nil
}

func (s *spawning) parseAddresses() (listen.Address, error) {
	if s.listen == "" {
		return listen.Address{}, cli.Usage(errors.New("spawn has no address to listen on"), spawnHint)
	}
	a, err := listen.Parse(s.listen)
	if err == nil && a.Network == "" {
		err = &listen.AddressError{Input: s.listen, Reason: "is a target, not an address to listen on"}
	}
	if err != nil {
		return a, cli.Usage(err, spawnHint)
	}
	if s.metrics == "" {
		return a, nil
	}
	m, err := parseMetrics(s.metrics)
	if err != nil {
		return a, err
	}
	places := make(map[string]string)
	return a, errors.Join(claim(places, a, s.listen), claim(places, m, s.metrics))
}

const spawnHint = "such as: cgikit spawn -l fastcgi://127.0.0.1:9000 -n 4 -- php-cgi"

// nameOf returns the address with the port that the system has picked.
func nameOf(l net.Listener, a listen.Address) string {
	if tcp, ok := l.Addr().(*net.TCPAddr); ok && a.Network == "tcp" {
		a.Host, a.Port = tcp.IP.String(), uint16(tcp.Port)
	}
	return a.String()
}

// serveStatus serves the status page, if there is one.
func (s *spawning) serveStatus(pool *spawn.Pool, words []string) (stop func(), err error) {
	if s.metrics == "" {
		return func() {}, nil
	}
	m := &monitor.Workers{Program: fmt.Sprintf("%.200s", strings.Join(words, " ")), Start: time.Now(), Stats: pool.Stats}
	return serveMetrics(s.metrics, m.Handler(), s.log)
}
