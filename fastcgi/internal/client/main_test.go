package client

import (
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails when a test leaks a goroutine.
func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }
