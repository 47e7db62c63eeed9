package request_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/cgikit/cgikit/cmd/cgikit/internal/request"
	"github.com/cgikit/cgikit/cmd/internal/cli"
	"github.com/cgikit/cgikit/cmd/internal/target"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

func Example() {
	app := gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		w.Start("404 Not Found")
		fmt.Fprintf(w, "no page %s for user %s\n", r.Environ.Get("PATH_INFO"), r.Environ.Get("REMOTE_USER"))
		return nil
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
	r := &request.Request{Target: t, Path: "/missing", Streams: request.Streams{Stdin: strings.NewReader(""), Stdout: os.Stdout, Stderr: os.Stdout}}
	r.Env = []string{"REMOTE_USER=kim"}
	fmt.Println("exit status", cli.Status(r.Run(context.Background())))
	r.Fail = true
	err = r.Run(context.Background())
	fmt.Print(cli.Message("cgikit", err))
	fmt.Println("exit status", cli.Status(err))
	// Output:
	// no page /missing for user kim
	// exit status 0
	// cgikit: the answer is 404 Not Found
	// exit status 22
}
