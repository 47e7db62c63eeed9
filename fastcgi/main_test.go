package fastcgi_test

import (
	"flag"
	"fmt"
	"net"
	"os"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/nethttp"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails when a test leaks a goroutine. It is also the program that spawn-fcgi starts.
func TestMain(m *testing.M) {
	if engine := os.Getenv(childEngine); engine != "" {
		fmt.Fprintln(os.Stderr, serveSpawned(engine))
		os.Exit(1)
	}
	// Some wait for servers most of the time. The flag -parallel still counts.
	flag.Set("test.parallel", "5")
	os.Exit(leaks.Run(m))
}

// childEngine makes the test binary the program that spawn-fcgi starts.
const childEngine = "CGIKIT_FASTCGI_CHILD"

// serveSpawned answers with the process's number, on the listening socket that is file descriptor
// 0.
func serveSpawned(engine string) error {
	l, err := net.FileListener(os.Stdin)
	if err != nil {
		return err
	}
	app := gateway.AppFunc(func(w gateway.ResponseWriter, _ *gateway.Request) error {
		_, err := fmt.Fprint(w, os.Getpid())
		return err
	})
	if engine == "nethttp" {
		return (&nethttp.Server{App: app}).Serve(l)
	}
	return (&fastcgi.Server{App: app}).Serve(l)
}
