package transport

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/gateway/listen"
)

// connect returns both ends of a connection to l.
func connect(t *testing.T, l net.Listener) (client, server net.Conn) {
	t.Helper()
	client = dial(t, l)
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

// tempSocket returns a path short enough for sun_path, which t.TempDir's need not be.
func tempSocket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "cgikit")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func listenOn(t *testing.T, addr string) net.Listener {
	t.Helper()
	l, err := listen.ListenFor("scgi", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}
