// Command bench measures this module beside its peers and its floors. Each server is a process of
// its own; all do the same work in short rounds that take turns, and what counts is the median of
// the rounds' ratios. Without arguments it lists the benchmarks.
//
//	go run ./cmd/internal/bench
//	go run ./cmd/internal/bench all -json FILE -svg FILE
//	go run ./cmd/internal/bench all -part stream
//	go run ./cmd/internal/bench all -full -readme README.md
//	go run ./cmd/internal/bench growth -svg FILE
//	go run ./cmd/internal/bench hello -rounds 15
//
// A benchmark writes its rounds, the medians, and the ratios by throughput and by processor time
// with an interval each. The interval holds the median of endless rounds with a probability of at
// least 90 %, where there are five rounds or more. A bound that does not hold ends the program with
// status 1. A peer that is not installed is named, and its rows are left out. BENCH_PROFILE=DIR in
// the environment has each server of this program write a CPU profile there.
//
// Only Linux can run the benchmarks: a process is measured by /proc.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/server"
)

// options are the flags, and what else a benchmark needs.
type options struct {
	rounds  int
	span    time.Duration
	clients int
	conns   int
	runs    int
	size    int64

	requests int

	only   string
	part   string
	caddy  string
	script string
	full   bool
	json   string
	svg    string

	markdown, readme string

	dir string // of sockets, programs and files; removed at the end
	out io.Writer
	ctx context.Context // ends when the program is interrupted
}

// command is one of the benchmarks.
type command struct {
	name, summary string
	usual         options // the values of the flags that are not given
	run           func(options) error
}

func commands() []command {
	return []command{
		{"all", "every peer that the machine has, in all works: 2 minutes, 15 with -full", options{rounds: 5, span: 80 * time.Millisecond, clients: 16}, measureAll},
		{"hello", "FastCGI: small requests on kept connections of a unix socket", options{clients: 16}, measureHello},
		{"nginx", "the same with nginx in front, beside proxying HTTP", options{clients: 16}, measureNginx},
		{"engines", "both engines of FastCGI, and net/http/fcgi, as a Markdown table", options{clients: 16, size: 256 << 20}, measureEngines},
		{"latency", "FastCGI: p50, p99 and p99.9 of small requests at half the floor's rate, in open loop", options{clients: 16}, measureLatency},
		{"growth", "CPU time of a request with 10 to 1,000 variables, and with 1 to 1,000 requests on a connection", options{rounds: 5, span: 200 * time.Millisecond, clients: 16}, measureGrowth},
		{"idle", "FastCGI: memory of kept connections without a request", options{clients: 16}, measureIdle},
		{"multiplex", "FastCGI: memory while one connection streams 64 responses, and 64 bodies", options{size: 16 << 20}, measureMultiplex},
		{"file", "FastCGI: a large file, by sendfile and by copying", options{}, measureFile},
		{"sweep", "FastCGI: sendfile in records of several sizes", options{}, measureSweep},
		{"gateway", "HTTP in, FastCGI out: a small response, beside nginx, Caddy and gofast", options{clients: 32}, measureGateway},
		{"php", "a page of php-fpm that takes 5 ms, beside nginx", options{clients: 8}, measurePHP},
		{"static", "files of 1 KB, 1 MB and 16 MB by cgikit serve, beside nginx with sendfile", options{clients: 8}, measureStatic},
		{"transfer", "memory while 1 GB goes up, and down, through every pair of protocols", options{}, measureTransfer},
		{"scgi", "SCGI: small requests, beside accept, read, write, close", options{rounds: 25, span: 200 * time.Millisecond, clients: 16}, measureSCGI},
		{"fcgiwrap", "scripts over FastCGI and SCGI, beside fcgiwrap", options{rounds: 15, clients: 8}, measureFcgiwrap},
		{"spawn", "a program in C under cgikit spawn, beside spawn-fcgi", options{rounds: 25, span: 200 * time.Millisecond, clients: 4}, measureSpawn},
		{"restart", "requests that are lost while the processes of a program are replaced, and killed", options{clients: 8, requests: 2000}, measureRestart},
		{"cgi", "a CGI program from start to exit, beside an empty program and net/http/cgi", options{rounds: 30}, measureStart},
	}
}

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run returns the status to exit with.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	err := dispatch(args, in, out, errs)
	if err == nil || err == flag.ErrHelp {
		return 0
	}
	fmt.Fprintln(errs, "bench:", err)
	if _, usage := err.(usageError); usage {
		return 2
	}
	return 1
}

// usageError is a mistake in the command line.
type usageError struct{ error }

func dispatch(args []string, in io.Reader, out, errs io.Writer) error {
	if os.Getenv("GATEWAY_INTERFACE") != "" {
		return server.Script()
	}
	if own, err := peer.Serve(args, in, out, server.All()); own {
		return err
	}
	if len(args) == 0 || slices.Contains([]string{"help", "-h", "-help", "--help"}, args[0]) {
		list(out)
		return nil
	}
	i := slices.IndexFunc(commands(), func(c command) bool { return c.name == args[0] })
	if i < 0 {
		return usageError{fmt.Errorf("no benchmark is called %.100q\nhint: without arguments it lists them", args[0])}
	}
	if runtime.GOOS != "linux" {
		return errors.New("the benchmarks run on Linux only: they need /proc")
	}
	return measure(commands()[i], args[1:], out, errs)
}

func list(out io.Writer) {
	fmt.Fprint(out, "usage: go run ./cmd/internal/bench NAME [FLAGS]\n\n")
	for _, c := range commands() {
		fmt.Fprintf(out, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(out, "\nNAME -h lists the flags.\n")
}

// measure runs a benchmark in a folder of its own, which a php-fpm of another user may enter.
func measure(c command, args []string, out, errs io.Writer) error {
	o, err := parse(c, args, errs)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	o.ctx, o.out = ctx, out
	if o.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(o.dir)
	if err := os.Chmod(o.dir, 0o755); err != nil {
		return err
	}
	return c.run(o)
}
