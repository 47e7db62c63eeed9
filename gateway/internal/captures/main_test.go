package captures

import (
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/responder"
)

// serveAs makes the test binary act as the application, if a web server starts it.
const serveAs = "CAPTURES_SERVE_AS"

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	switch os.Getenv(serveAs) {
	case "":
		os.Exit(runTests(m))
	case "cgi":
		answerCGI(os.Stdout, os.Stdin, os.Environ())
	case "fastcgi":
		l, err := net.FileListener(os.Stdin)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		responder.Serve(l, echo.FastCGI)
	}
}

func runTests(m *testing.M) int {
	flag.Set("test.parallel", "5") // they wait for servers; the flag -parallel still counts
	before := runtime.NumGoroutine()
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if runtime.NumGoroutine() > before && code == 0 {
		stacks := make([]byte, 1<<20)
		os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
		return 1
	}
	return code
}
