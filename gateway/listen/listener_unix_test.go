//go:build unix

package listen

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

func TestUnixMode(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0o077)) // must not change the mode
	for _, tt := range []struct {
		options string
		want    fs.FileMode
	}{
		{"", 0o660},
		{"?mode=0600", 0o600},
		{"?mode=0777", 0o777},
	} {
		path := nettest.SocketPath(t)
		listenOn(t, path+tt.options)
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != tt.want {
			t.Errorf("%q: got %v, %v; want mode %v", tt.options, info.Mode(), err, tt.want)
		}
	}
}

// Between bind and chmod, with this umask, the mode of the file lets everyone connect, but
// connecting still fails.
func TestUnixNeverOpenToAll(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	path := nettest.SocketPath(t)
	b, err := bindUnix(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.file.Close()
	if c, err := net.Dial("unix", path); !errors.Is(err, errRefused) {
		t.Errorf("before the mode is set: got %v, %v; want a refusal", c, err)
	}
	l, err := b.listen(0o600, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info.Mode(), err)
	}
	nettest.Connect(t, l)
}

func TestUnixOwner(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root: chown")
	}
	u, err := user.Lookup("www-data")
	if err != nil {
		t.Skip("needs a user www-data: ", err)
	}
	for _, tt := range []struct{ name, options, uid, gid string }{
		{"names", "?owner=www-data&group=www-data", u.Uid, u.Gid},
		{"numbers", "?owner=1234&group=5678", "1234", "5678"},
		{"owner alone", "?owner=1234", "1234", "0"},
		{"group alone", "?group=5678", "0", "5678"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := nettest.SocketPath(t)
			listenOn(t, path+tt.options)
			var st unix.Stat_t
			if err := unix.Lstat(path, &st); err != nil {
				t.Fatal(err)
			}
			uid, gid := strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
			if uid != tt.uid || gid != tt.gid {
				t.Errorf("belongs to %s:%s; want %s:%s", uid, gid, tt.uid, tt.gid)
			}
		})
	}
}

func TestUnixOwnerUnknown(t *testing.T) {
	for _, option := range []string{"owner=no-such-one", "group=no-such-one", "owner=4294967295", "group=99999999999"} {
		path := nettest.SocketPath(t)
		_, err := ListenFor("scgi", path+"?"+option)
		_, value, _ := strings.Cut(option, "=")
		if err == nil || !strings.Contains(err.Error(), value) {
			t.Errorf("%s: got %v; want an error that names it", option, err)
		}
		if exists(path) {
			t.Errorf("%s: the socket file was not removed", option)
		}
	}
}

// If a socket cannot get its owner or cannot listen, its file is removed.
func TestUnixListenFails(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(*boundSocket) error
		want  error
	}{
		{"file gone before chown", func(b *boundSocket) error { return os.Remove(b.path) }, fs.ErrNotExist},
		{"descriptor closed before listen", func(b *boundSocket) error { return b.file.Close() }, unix.EBADF},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b, err := bindUnix(nettest.SocketPath(t))
			if err != nil {
				t.Fatal(err)
			}
			defer b.file.Close()
			if err := tt.spoil(b); err != nil {
				t.Fatal(err)
			}
			if l, err := b.listen(0o600, os.Getuid(), -1); !errors.Is(err, tt.want) {
				t.Errorf("got %v, %v; want %v", l, err, tt.want)
			}
			if exists(b.path) {
				t.Error("the socket file was not removed")
			}
		})
	}
}

// A socket that cannot be connected to, but does not refuse, may be in use and is not replaced:
// here a datagram socket.
func TestUnixUnclearIsLeftAlone(t *testing.T) {
	path := nettest.SocketPath(t)
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := ListenFor("scgi", path); err == nil || !strings.Contains(err.Error(), "may be in use") {
		t.Errorf("got %v; want it left alone", err)
	}
	if !exists(path) {
		t.Error("it is gone")
	}
}

// A relative path still means the same file after the process has changed its folder.
func TestUnixRelativePath(t *testing.T) {
	path := nettest.SocketPath(t)
	t.Chdir(filepath.Dir(path))
	l := listenOn(t, "unix:s")
	t.Chdir(t.TempDir())
	if err := l.Close(); err != nil || exists(path) {
		t.Errorf("Close: %v, file left: %v", err, exists(path))
	}
}

func TestUnixLockIsWaitedFor(t *testing.T) {
	path := nettest.SocketPath(t)
	unlock, err := lockFolder(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		l, err := ListenFor("scgi", path)
		if err == nil {
			defer l.Close()
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Errorf("Listen did not wait for the lock: %v", err)
	default:
	}
	if exists(path) {
		t.Error("the socket was made without the lock")
	}
	unlock()
	if err := nettest.Receive(t, done, "Listen"); err != nil {
		t.Error(err)
	}
}

// Many servers start at once where a dead one has left its socket: one of them gets the path and
// keeps it.
func TestUnixRace(t *testing.T) {
	const rounds, starters = 20, 8
	for range rounds {
		path := nettest.SocketPath(t)
		makeStale(t, path)
		won := make(chan net.Listener, starters)
		var wg sync.WaitGroup
		for range starters {
			wg.Go(func() {
				l, err := ListenFor("scgi", path)
				if err == nil {
					won <- l
				} else if !strings.Contains(err.Error(), "another process listens there") {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d servers have the socket; want 1", len(won))
		}
		l := <-won
		nettest.Dial(t, l)
		l.Close()
		if exists(path) {
			t.Fatal("the winner's socket was not its own")
		}
	}
}
