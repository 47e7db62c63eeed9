// Package nettest has connections and bounded waits for the tests of packages listen and transport.
package nettest

import (
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Patience limits each wait. Only a test that hangs waits that long.
const Patience = 20 * time.Second

// Dial connects to l, sets a deadline of 20 seconds, and closes the connection when the test ends.
func Dial(t testing.TB, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(Patience))
	return c
}

// Connect returns both ends of a connection to l, which the test must not accept elsewhere.
func Connect(t testing.TB, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client = Dial(t, l)
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// WantClosed checks that the peer of c closes the connection without sending a byte.
func WantClosed(t testing.TB, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	if n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("reading gave %d bytes, %v; want a closed connection", n, err)
	}
}

// Receive returns the next value of ch. It fails the test after 20 seconds; what names the value.
func Receive[T any](t testing.TB, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(Patience):
		t.Fatalf("waiting for %s: nothing arrived", what)
		panic("unreachable")
	}
}

// SocketPath returns a path for a unix socket, in a new folder that is removed when the test ends.
// It is short enough for sun_path, which a path in t.TempDir need not be.
func SocketPath(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cgikit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}
