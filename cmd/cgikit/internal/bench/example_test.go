package bench_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/bench"
	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

func Example() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintln(w, "hello")
		return err
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	s := &fastcgi.Server{App: app}
	go s.Serve(l)
	defer s.Close()

	t, err := target.Parse("fastcgi://" + l.Addr().String())
	if err != nil {
		panic(err)
	}
	var out strings.Builder
	b := &bench.Bench{Conns: 2, Count: 100, Rounds: 1, RequestTimeout: time.Minute, FailIf: []string{"errors>0"}}
	b.Request = request.Request{Target: t, Path: "/x", Streams: request.Streams{Stdout: &out, Stderr: os.Stderr}}
	err = b.Run(context.Background())
	fmt.Println(regexp.MustCompile(`(?m)^(requests +\d+|status .*)`).FindAllString(out.String(), -1), cli.Status(err))
	// Output: [requests   100 status     200: 100      appStatus not 0: 0] 0
}
