//go:build linux

// Command host measures the web server's side, packages host and fastcgi, against its peers. Each
// server is a process of its own; all do the same work, in short rounds that take turns, so that
// what else the machine does hits all alike. Linux only.
//
//	go run ./testdata/bench/host gateway   HTTP in, FastCGI out: a small answer, beside nginx, Caddy and gofast
//	go run ./testdata/bench/host php       a page of php-fpm that takes 5 ms, beside nginx
//	go run ./testdata/bench/host transfer  memory while 1 GB goes up, and down, through every pair of protocols
//
// Each prints its raw rounds, the medians and the ratios, and exits with 1 when a bound does not
// hold. What is not installed (nginx, php-fpm8.2, Caddy) is named, and its rows are left out. Caddy
// is
//
//	GOBIN=DIR go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9
//
// in PATH or named by -caddy. BENCH_PROFILE=DIR in the environment has each server of ours write a
// CPU profile there.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/cgikit/cgikit/testdata/bench/contest"
)

// settings are the flags that the commands share.
type settings struct {
	rounds  int
	span    time.Duration
	clients int
	size    int64
	only    string
	caddy   string
	dir     string // of sockets, programs and files; removed at the end
}

type command struct {
	name string
	run  func(settings) error
}

var commands = []command{
	{"gateway", measureGateway},
	{"php", measurePHP},
	{"transfer", measureTransfer},
}

func main() {
	log.SetFlags(0)
	var err error
	switch {
	case os.Getenv("GATEWAY_INTERFACE") != "":
		err = serveScript()
	case len(os.Args) > 2 && os.Args[1] == "serve":
		err = contest.ServeChild(os.Args[2:], servers)
	default:
		err = run(os.Args[1:])
	}
	if err != nil {
		log.Fatal("bench: ", err)
	}
}

func run(args []string) error {
	var s settings
	flags := flag.NewFlagSet("host", flag.ExitOnError)
	flags.IntVar(&s.rounds, "rounds", 7, "rounds of each server")
	flags.DurationVar(&s.span, "time", time.Second, "time of a round")
	flags.IntVar(&s.clients, "clients", 0, "connections at the same time (default 32, 8 for php)")
	flags.Int64Var(&s.size, "size", 1<<30, "bytes of a transfer")
	flags.StringVar(&s.only, "only", "", "comma list of the servers, or pairs such as http-scgi, to measure")
	flags.StringVar(&s.caddy, "caddy", "caddy", "Caddy's program")
	if len(args) == 0 {
		return errors.New("say what to measure: " + names())
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	for _, c := range commands {
		if c.name == args[0] {
			return inTempDir(s, c.run)
		}
	}
	return fmt.Errorf("nothing is called %q: there are %s", args[0], names())
}

// inTempDir has a folder that a php-fpm of another user may enter.
func inTempDir(s settings, measure func(settings) error) (err error) {
	if s.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	return measure(s)
}

func names() string {
	var all []string
	for _, c := range commands {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}
