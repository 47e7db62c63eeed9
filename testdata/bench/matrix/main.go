// Command matrix sends a large body through every pair of listener and target of cgikit serve, down and up, and tells how much the memory
// of each process grew over what it had after a small one.
//
//	go build -o /tmp/cgikit ./cmd/cgikit && go run ./testdata/bench/matrix -cgikit /tmp/cgikit
//
// A growth of more than 32 MB, or a body that is not whole, is a failure, with exit status 1. What is measured is VmHWM, the most that a
// process ever had, after it was set back. Linux only.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"github.com/cgikit/cgikit/gateway/launch"
)

// appVariable makes this program the application, as a CGI script or a server at CGIKIT_LISTEN.
const appVariable = "CGIKIT_BENCH_APP"

// most is how much a process may grow, in kB.
const most = 32 << 10

func main() {
	if os.Getenv(appVariable) != "" {
		if err := launch.Run(context.Background(), bulk); err != nil {
			os.Exit(1)
		}
		return
	}
	command := flag.String("cgikit", "cgikit", "`path` of the command")
	size := flag.Int64("size", 1<<30, "`bytes` of the body")
	flag.Parse()
	if !run(*command, *size) {
		os.Exit(1)
	}
}

// run prints a line for each pair and reports whether all are within the bound.
func run(command string, size int64) (good bool) {
	const row = "%-8s %-8s %10s %10s %10s %10s %10s %10s\n"
	fmt.Printf(row, "listener", "target", "down MB/s", "up MB/s", "serve kB", "growth", "front kB", "growth")
	good = true
	for _, in := range []string{"http", "fastcgi", "scgi"} {
		for _, to := range []string{"cgi", "fastcgi", "gofast", "scgi"} {
			r, err := measure(command, in, to, size)
			if err != nil {
				fmt.Printf("%-8s %-8s %v\n", in, to, err)
				good = false
				continue
			}
			fmt.Printf(row, in, to, fmt.Sprintf("%.0f", r.down), fmt.Sprintf("%.0f", r.up), fmt.Sprint(r.serve.before), fmt.Sprint(r.serve.grown()),
				fmt.Sprint(r.front.before), fmt.Sprint(r.front.grown()))
			good = good && r.serve.grown() <= most && r.front.grown() <= most
		}
	}
	return good
}
