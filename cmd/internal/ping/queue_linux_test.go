package ping

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// backlog is a listening socket that accepts nothing and has room for a few connections.
func backlog(t *testing.T, address unix.Sockaddr, family, room int) (fd int) {
	t.Helper()
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, address); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(fd, room); err != nil {
		t.Fatal(err)
	}
	return fd
}

func connect(t *testing.T, network, address string, n int) {
	t.Helper()
	for range n {
		conn, err := net.Dial(network, address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
	}
}

// TestUnixQueue reads the queue by the socket's file, whatever name it was bound to, and finds no
// queue of a file that is another.
func TestUnixQueue(t *testing.T) {
	dir := webserver.Dir(t)
	t.Chdir(dir)
	backlog(t, &unix.SockaddrUnix{Name: "s"}, unix.AF_UNIX, 5)
	connect(t, "unix", "s", 3)
	path := filepath.Join(dir, "s")
	if err := os.Symlink(path, "link"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, "s", filepath.Join(dir, "link")} {
		if got, want := readQueue(parse(t, "fastcgi+unix:"+name)), (Queue{true, 3, 5}); got != want {
			t.Errorf("%s: got %+v; want %+v", name, got, want)
		}
	}
	// a new socket at the old name
	if err := os.Rename("s", "old"); err != nil {
		t.Fatal(err)
	}
	backlog(t, &unix.SockaddrUnix{Name: "s"}, unix.AF_UNIX, 7)
	if got, want := readQueue(parse(t, "scgi+unix:"+path)), (Queue{true, 0, 7}); got != want {
		t.Errorf("a new socket: got %+v; want %+v", got, want)
	}
	if got, want := readQueue(parse(t, "scgi+unix:"+filepath.Join(dir, "old"))), (Queue{true, 3, 5}); got != want {
		t.Errorf("the old socket: got %+v; want %+v", got, want)
	}
	if got := readQueue(parse(t, "scgi+unix:"+filepath.Join(dir, "none"))); got.Known {
		t.Errorf("no socket: got %+v", got)
	}
	abstract := fmt.Sprintf("@cgikit-ping-%d", os.Getpid())
	backlog(t, &unix.SockaddrUnix{Name: abstract}, unix.AF_UNIX, 6)
	connect(t, "unix", abstract, 1)
	if got, want := readQueue(parse(t, "scgi+unix:"+abstract)), (Queue{true, 1, 6}); got != want {
		t.Errorf("abstract: got %+v; want %+v", got, want)
	}
}

// TestTCPQueue: the queue of an address is that of the sockets bound to it, else of those bound to
// all addresses, and never of an address of another machine.
func TestTCPQueue(t *testing.T) {
	fd := backlog(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}, unix.AF_INET, 5)
	port := portOf(t, fd)
	connect(t, "tcp", fmt.Sprintf("127.0.0.1:%d", port), 2)
	for host, want := range map[string]Queue{
		"127.0.0.1": {true, 2, 5},
		"localhost": {true, 2, 5},
		"127.0.0.2": {},
		"192.0.2.1": {}, // TEST-NET-1 of RFC 5737
		"[::1]":     {},
	} {
		if got := readQueue(parse(t, fmt.Sprintf("fastcgi://%s:%d", host, port))); got != want {
			t.Errorf("%s: got %+v; want %+v", host, got, want)
		}
	}
	all := backlog(t, &unix.SockaddrInet4{}, unix.AF_INET, 6)
	for host, want := range map[string]Queue{"127.0.0.1": {true, 0, 6}, "127.0.0.9": {true, 0, 6}, "192.0.2.1": {}} {
		if got := readQueue(parse(t, fmt.Sprintf("fastcgi://%s:%d", host, portOf(t, all)))); got != want {
			t.Errorf("%s of all: got %+v; want %+v", host, got, want)
		}
	}
	both := backlog(t, &unix.SockaddrInet6{}, unix.AF_INET6, 7)
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		if got, want := readQueue(parse(t, fmt.Sprintf("fastcgi://%s:%d", host, portOf(t, both)))), (Queue{true, 0, 7}); got != want {
			t.Errorf("%s of both families: got %+v; want %+v", host, got, want)
		}
	}
}

func portOf(t *testing.T, fd int) int {
	t.Helper()
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	switch a := bound.(type) {
	case *unix.SockaddrInet4:
		return a.Port
	case *unix.SockaddrInet6:
		return a.Port
	}
	t.Fatalf("bound to %T", bound)
	return 0
}

// TestMalformedMessages: a message of the kernel that is not as expected gives no queue and no
// panic.
func TestMalformedMessages(t *testing.T) {
	for _, b := range [][]byte{nil, {1}, {0, 0, 0, 0}, {255, 255, 4, 0}, {4, 0, 4, 0, 3}, {5, 0, 4, 0, 1}, {3, 0, 0, 0}} {
		for id, value := range parseAttributes(b) {
			if len(value) > len(b) {
				t.Errorf("%v: attribute %d has %d bytes", b, id, len(value))
			}
		}
	}
	if isFile([]byte{1, 2}, new(unix.Stat_t)) {
		t.Error("a short unix_diag_vfs is the file")
	}
}
