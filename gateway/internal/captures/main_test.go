package captures

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"
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
		accept(l, answerFastCGI)
	}
}

func runTests(m *testing.M) int {
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
