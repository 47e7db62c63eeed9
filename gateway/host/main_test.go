package host_test

import (
	"flag"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) {
	// Some wait for servers most of the time. The flag -parallel still counts.
	flag.Set("test.parallel", "5")
	leaks.Quiet()
	os.Exit(leaks.Run(m))
}
