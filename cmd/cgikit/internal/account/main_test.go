package account

import (
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }
