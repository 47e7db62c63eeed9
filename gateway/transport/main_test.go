package transport

import (
	"flag"
	"net"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
	"github.com/cgikit/cgikit/gateway/listen"
)

// TestMain fails on goroutines that outlive the tests.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "6") // some wait for a peer; the flag -parallel still counts
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
	l, err := listen.ListenFor("scgi", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connPair returns both ends of a connection over network.
func connPair(t *testing.T, network string) (near, far net.Conn) {
	t.Helper()
	if network == "unix" {
		return nettest.Connect(t, listenOn(t, "unix:"+nettest.SocketPath(t)))
	}
	return nettest.Connect(t, listenLoopback(t))
}
