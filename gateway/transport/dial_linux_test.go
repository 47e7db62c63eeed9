package transport

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway"
)

// fullListener has a backlog that holds one connection, and that one.
func fullListener(t *testing.T) (path string, fd int) {
	t.Helper()
	path = filepath.Join(shortDir(t), "s")
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

// A unix socket whose backlog is full answers at once: the client waits in its place.
func TestDialerWaitsForTheBacklog(t *testing.T) {
	path, fd := fullListener(t)
	d := &Dialer{Protocol: "scgi", Addr: "unix:" + path}
	go func() {
		// lets Dial meet the full backlog first; nothing depends on it
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
