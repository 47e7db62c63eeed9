package ping_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/cgikit/cgikit/cmd/internal/ping"
	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway/demo"
)

func Example() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer l.Close()
	go (&fastcgi.Server{App: demo.App()}).Serve(l)

	var output strings.Builder
	o := new(ping.Options)
	flags := pflag.NewFlagSet("ping", pflag.ContinueOnError)
	o.AddFlags(flags)
	flags.Parse([]string{"--timeout=1m", "fastcgi://" + l.Addr().String()})
	err = ping.Run(context.Background(), o, flags.Args(), ping.Streams{Stdout: &output, Stderr: os.Stderr, Getenv: os.Getenv})
	state, _, _ := strings.Cut(output.String(), " at ")
	fmt.Println(state, err)
	// Output: ok: FastCGI <nil>
}
