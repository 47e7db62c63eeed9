package tour

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway/demo"
)

// childVariable makes this test program a CGI script.
const childVariable = "TOUR_TEST_CGI"

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		if err := cgi.Serve(demo.App()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	code := m.Run()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > 2 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > 2 && code == 0 {
		stacks := make([]byte, 1<<20)
		os.Stderr.Write(stacks[:runtime.Stack(stacks, true)])
		code = 1
	}
	os.Exit(code)
}
