package webserver

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/responder"
)

// TestMain runs the tests. If a web server has started the binary, it is a CGI program, or a
// FastCGI program whose standard input is a listening socket (lighttpd).
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("REQUEST_METHOD") != "":
		os.Stdout.Write(answer(environment()))
	case os.Getenv("WEBSERVER_TEST_SPAWNED") != "":
		l, err := net.FileListener(os.Stdin)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		responder.Serve(l, app.FastCGI)
	default:
		os.Exit(runTests(m))
	}
}

func runTests(m *testing.M) int {
	flag.Set("test.parallel", "5") // they wait for servers; the flag -parallel still counts
	before := runtime.NumGoroutine()
	code := m.Run()
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(deadline) {
			all := make([]byte, 1<<20)
			fmt.Fprintf(os.Stderr, "leaked goroutines:\n%s\n", all[:runtime.Stack(all, true)])
			return 1
		}
	}
	return code
}

func environment() map[string]string {
	env := map[string]string{}
	for _, pair := range os.Environ() {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
	}
	return env
}
