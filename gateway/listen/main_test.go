package listen

import (
	"net"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails on goroutines that outlive the tests. In a child process it runs childTask
// instead.
func TestMain(m *testing.M) {
	if task := os.Getenv("CGIKIT_LISTEN_CHILD"); task != "" {
		os.Exit(childTask(task))
	}
	os.Exit(leaks.Run(m))
}

// listenLoopback opens a TCP listener for one test.
func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	return listenOn(t, "127.0.0.1:0")
}

// listenOn opens the listener of addr for one test.
func listenOn(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := ListenFor("scgi", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
