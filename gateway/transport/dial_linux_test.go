package transport

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// fullListener returns a listening socket whose backlog of one connection is full.
func fullListener(t *testing.T) (path string, fd int) {
	t.Helper()
	path = nettest.SocketPath(t)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrUnix{Name: path}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return path, fd
}

// A unix socket whose backlog is full refuses at once, so Dial itself waits and tries again.
func TestDialerWaitsForTheBacklog(t *testing.T) {
	path, fd := fullListener(t)
	d := &Dialer{Protocol: "scgi", Addr: "unix:" + path}
	go func() {
		// so that Dial probably finds the backlog full; the test passes either way
		time.Sleep(20 * time.Millisecond)
		if accepted, _, err := unix.Accept(fd); err == nil {
			unix.Close(accepted)
		}
	}()
	c, err := d.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

func TestDialerGivesTheBacklogUp(t *testing.T) {
	path, _ := fullListener(t)
	d := &Dialer{Protocol: "scgi", Addr: "unix:" + path, DialTimeout: 20 * time.Millisecond}
	var b *gateway.BackendError
	if _, err := d.Dial(context.Background()); !errors.As(err, &b) || b.Status != 504 {
		t.Errorf("got %v; want a BackendError of 504", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	d.DialTimeout = -1
	if _, err := d.Dial(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v; want context.Canceled", err)
	}
}
