package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

func TestListenTCP(t *testing.T) {
	for _, tt := range []struct{ name, addr, want string }{
		{"port alone is loopback", "0", "127.0.0.1"},
		{"no host is loopback", ":0", "127.0.0.1"},
		{"its own scheme", "fastcgi://127.0.0.1:0", "127.0.0.1"},
		{"all of IPv4 is IPv4", "0.0.0.0:0", "0.0.0.0"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := ListenFor("fastcgi", tt.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			if got := l.Addr().(*net.TCPAddr).IP.String(); got != tt.want {
				t.Errorf("listens on %s; want %s", got, tt.want)
			}
			_, c := nettest.Connect(t, l)
			if _, ok := c.(*net.TCPConn); !ok {
				t.Errorf("accepted a %T; want a *net.TCPConn", c)
			}
		})
	}
}

func TestListenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		addr Address
		want string
	}{
		{"a target", Address{Protocol: "demo"}, "is a target"},
		{"nothing", Address{}, "is a target"},
		{"unknown network", Address{Network: "udp", Host: "127.0.0.1"}, "which is unknown"},
		{"bad path", Address{Network: "unix", Path: "/a/"}, "ends in a slash"},
		{"bad descriptor", Address{Network: "fd", FD: -1}, "no descriptor number"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l, err := Listen(tt.addr)
			var ae *AddressError
			if !errors.As(err, &ae) || !strings.Contains(ae.Reason, tt.want) {
				t.Errorf("Listen(%+v) = %v, %v; want an *AddressError with %q", tt.addr, l, err, tt.want)
			}
		})
	}
	if l, err := ListenFor("fastcgi", "scgi://127.0.0.1:0"); err == nil {
		l.Close()
		t.Error("a FastCGI server listens on an SCGI address")
	}
}

func TestListenAddressInUse(t *testing.T) {
	l := listenLoopback(t)
	addr := l.Addr().String()
	_, err := ListenFor("scgi", addr)
	if want := "listen: scgi://" + addr + ": in use: bind: "; !errors.Is(err, ErrInUse) || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v; want ErrInUse, %s...", err, want)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// makeStale leaves a socket at path on which no process listens, as a killed process does.
func makeStale(t *testing.T, path string) {
	t.Helper()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
}

func TestUnixSocket(t *testing.T) {
	path := nettest.SocketPath(t)
	l := listenOn(t, "scgi+unix:"+path)
	_, c := nettest.Connect(t, l)
	if _, ok := c.(*net.UnixConn); !ok {
		t.Errorf("accepted a %T; want a *net.UnixConn", c)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if exists(path) {
		t.Error("the socket file outlives its listener")
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v; want net.ErrClosed", err)
	}
}

func TestUnixStaleIsTakenOver(t *testing.T) { // F36
	path := nettest.SocketPath(t)
	makeStale(t, path)
	nettest.Connect(t, listenOn(t, path))
}

func TestUnixLiveIsLeftAlone(t *testing.T) { // F36
	path := nettest.SocketPath(t)
	first := listenOn(t, path)
	_, err := ListenFor("scgi", path)
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), path+": in use: another process listens there") {
		t.Errorf("got %v; want an error that names the socket", err)
	}
	accepted, err := first.Accept() // the connection by which Listen checks whether a process listens
	if err != nil {
		t.Fatal(err)
	}
	accepted.Close()
	nettest.Connect(t, first)
}

func TestUnixOtherFilesAreLeftAlone(t *testing.T) {
	for _, tt := range []struct {
		name string
		make func(path string) error
	}{
		{"regular file", func(path string) error { return os.WriteFile(path, nil, 0o600) }},
		{"folder", func(path string) error { return os.Mkdir(path, 0o700) }},
		{"symbolic link to nothing", func(path string) error { return os.Symlink("nowhere", path) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := nettest.SocketPath(t)
			if err := tt.make(path); err != nil {
				t.Fatal(err)
			}
			_, err := ListenFor("scgi", path)
			if err == nil || !strings.Contains(err.Error(), "is not a socket") {
				t.Errorf("got %v; want an error that the path is not a socket", err)
			}
			if !exists(path) {
				t.Error("it is gone")
			}
		})
	}
}

func TestUnixCloseLeavesAnothersFile(t *testing.T) {
	path := nettest.SocketPath(t)
	first := listenOn(t, path)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second := listenOn(t, path)
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if !exists(path) {
		t.Fatal("the file of the second listener is gone")
	}
	nettest.Connect(t, second)
}

func TestUnixFolderMissing(t *testing.T) {
	_, err := ListenFor("scgi", filepath.Join(nettest.SocketPath(t), "missing", "s"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v; want fs.ErrNotExist", err)
	}
}
