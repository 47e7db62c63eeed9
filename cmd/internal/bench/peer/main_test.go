package peer

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain is also what a test starts as one of its servers.
func TestMain(m *testing.M) {
	servers := map[string]Server{"idle": idle, "busy": busy, "broken": broken}
	if own, err := Serve(os.Args[1:], os.Stdin, os.Stdout, servers); own {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(leaks.Run(m))
}

// idle accepts connections and leaves them alone.
func idle(l net.Listener, _ []string) error {
	for {
		if _, err := l.Accept(); err != nil {
			return err
		}
	}
}

// busy computes for as many milliseconds of processor time as args say when a connection comes, and
// then closes it.
func busy(l net.Listener, args []string) error {
	ms, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		for begin := processorTime(); processorTime()-begin < time.Duration(ms)*time.Millisecond; {
		}
		c.Close()
	}
}

// broken fails at once.
func broken(net.Listener, []string) error { return fmt.Errorf("no memory for the index") }
