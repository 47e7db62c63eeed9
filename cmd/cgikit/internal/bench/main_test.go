package bench

import (
	"flag"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "12") // some wait for a timeout; the flag -parallel still counts
	os.Exit(leaks.Run(m))
}
