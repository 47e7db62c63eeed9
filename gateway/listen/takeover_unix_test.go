//go:build unix

package listen

import (
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// TestTakeover: a new listener replaces one that still listens, with its own mode, and the close of
// the old one does not remove the new file.
func TestTakeover(t *testing.T) {
	path := nettest.SocketPath(t)
	old := listenOn(t, path)
	waiting := nettest.Dial(t, old) // in the queue of the old listener
	taken := listenOn(t, path+"?takeover=1&mode=0600")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 0600", info, err)
	}
	c := nettest.Dial(t, taken)
	defer c.Close()
	server, err := taken.Accept()
	if err != nil {
		t.Fatal(err)
	}
	server.Close()
	if server, err = old.Accept(); err != nil {
		t.Fatalf("the connection in the queue: %v", err)
	}
	server.Close()
	waiting.Close()
	if err := old.Close(); err != nil || !exists(path) {
		t.Errorf("closing the old one: %v; the path is there: %v", err, exists(path))
	}
	if err := taken.Close(); err != nil || exists(path) {
		t.Errorf("closing the new one: %v; the path is there: %v", err, exists(path))
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 0 {
		t.Errorf("not removed: %v", left)
	}
}

// TestTakeoverOfNothing: without a file, or with a stale socket, Takeover makes no difference.
func TestTakeoverOfNothing(t *testing.T) {
	path := nettest.SocketPath(t)
	l := listenOn(t, path+"?takeover=1")
	nettest.Connect(t, l)
}

// TestTakeoverOfAFile: a file that is not a socket is not replaced.
func TestTakeoverOfAFile(t *testing.T) {
	path := nettest.SocketPath(t)
	if err := os.WriteFile(path, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	if l, err := ListenFor("scgi", path+"?takeover=1"); err == nil {
		l.Close()
		t.Error("a file was taken over")
	}
	if text, err := os.ReadFile(path); string(text) != "text" {
		t.Errorf("the file is %q, %v", text, err)
	}
}

// TestTakeoverNeverRefuses: while listeners replace each other, each client reaches one of them.
func TestTakeoverNeverRefuses(t *testing.T) {
	path := nettest.SocketPath(t)
	current := listenOn(t, path)
	stop, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for {
			select {
			case <-stop:
				ended <- nil
				return
			default:
			}
			c, err := net.Dial("unix", path)
			if err != nil {
				ended <- err
				return
			}
			c.Close()
		}
	}()
	for range 200 {
		next := listenOn(t, path+"?takeover=1")
		drained := make(chan struct{})
		go func(l net.Listener) {
			defer close(drained)
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				c.Close()
			}
		}(current)
		current.Close()
		<-drained
		current = next
	}
	close(stop)
	go func() {
		for {
			c, err := current.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	if err := <-ended; err != nil {
		t.Errorf("a client was refused: %v", err)
	}
}

// TestTakeoverWhileTheOldOneCloses: the file of the new listener stays, even if the old one removes
// its own at the same moment.
func TestTakeoverWhileTheOldOneCloses(t *testing.T) {
	path := nettest.SocketPath(t)
	current := listenOn(t, path)
	for turn := range 1000 {
		closed := make(chan error, 1)
		go func(l net.Listener) { closed <- l.Close() }(current)
		current = listenOn(t, path+"?takeover=1")
		if err := <-closed; err != nil {
			t.Fatal(err)
		}
		if !exists(path) {
			t.Fatalf("turn %d: the file of the new listener has been removed", turn)
		}
	}
}
