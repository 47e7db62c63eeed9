package tour

import (
	"fmt"
	"os"
	"testing"

	"github.com/cgikit/cgikit/cgi"
	"github.com/cgikit/cgikit/gateway/demo"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
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
	os.Exit(leaks.Run(m))
}
