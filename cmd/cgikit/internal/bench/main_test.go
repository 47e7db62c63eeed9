package bench

import (
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails when a test leaves a goroutine behind.
func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }
