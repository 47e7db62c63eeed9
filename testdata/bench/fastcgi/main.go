//go:build linux

// Command fastcgi measures package fastcgi against its floors and its peers. Each server is a
// process of its own; all answer the same client, in short rounds that take turns, so that what
// else the machine does hits all alike. Linux only.
//
//	go run ./testdata/bench/fastcgi hello      small requests on kept connections of a unix socket
//	go run ./testdata/bench/fastcgi nginx      the same behind nginx, beside proxying HTTP
//	go run ./testdata/bench/fastcgi idle       memory of kept connections without a request
//	go run ./testdata/bench/fastcgi multiplex  memory while one connection streams 64 responses, and 64 bodies
//	go run ./testdata/bench/fastcgi file       a large file, by sendfile and by copying
//	go run ./testdata/bench/fastcgi sweep      sendfile in records of several sizes
//	go run ./testdata/bench/fastcgi engines    both engines in a Markdown table
//
// Each prints its raw rounds, the medians and the ratios, and exits with 1 when a ratio is under
// its bound. What is not installed (cc with libfcgi-dev, nginx, strace) is named, and its rows are
// left out. BENCH_PROFILE=DIR in the environment has each server write a CPU profile there.
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
	conns   int
	size    int64
	only    string
	dir     string // of sockets, programs and files; removed at the end
}

type command struct {
	name string
	run  func(settings) error
}

var commands = []command{
	{"hello", measureHello},
	{"nginx", measureNginx},
	{"idle", measureIdle},
	{"multiplex", measureMultiplex},
	{"file", measureFile},
	{"sweep", measureSweep},
	{"engines", measureEngines},
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 2 && os.Args[1] == "serve" {
		if err := contest.ServeChild(os.Args[2:], servers); err != nil {
			log.Fatal(err)
		}
		return
	}
	if err := run(os.Args[1:]); err != nil {
		log.Fatal("bench: ", err)
	}
}

func run(args []string) error {
	var s settings
	flags := flag.NewFlagSet("fastcgi", flag.ExitOnError)
	flags.IntVar(&s.rounds, "rounds", 7, "rounds of each server")
	flags.DurationVar(&s.span, "time", time.Second, "time of a round")
	flags.IntVar(&s.clients, "clients", 16, "connections at the same time")
	flags.IntVar(&s.conns, "conns", 10_000, "idle connections")
	flags.Int64Var(&s.size, "size", 1<<30, "bytes of the file")
	flags.StringVar(&s.only, "only", "", "comma list of the servers to measure")
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

func inTempDir(s settings, measure func(settings) error) (err error) {
	if s.dir, err = os.MkdirTemp("", "bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	return measure(s)
}

func names() string {
	var all []string
	for _, c := range commands {
		all = append(all, c.name)
	}
	return strings.Join(all, ", ")
}
