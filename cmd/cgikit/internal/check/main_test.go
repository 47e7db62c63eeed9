package check

import (
	"flag"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "16") // they wait most of the time; the flag -parallel still counts
	os.Exit(leaks.Run(m))
}
