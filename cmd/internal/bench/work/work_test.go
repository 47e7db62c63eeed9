package work_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/cmd/internal/bench/peer"
	"github.com/cgikit/cgikit/cmd/internal/bench/server"
	"github.com/cgikit/cgikit/cmd/internal/bench/work"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(m)) }

// serve runs a server of this program until the test ends, and returns its address.
func serve(t *testing.T, network, name string) string {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		addr = filepath.Join(t.TempDir(), "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- server.All()[name](l, nil) }()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

// allWorks has short streams, which end within a piece.
func allWorks() []work.Work { return append(work.All(), work.Streams(2*work.PieceSize+1000)...) }

// TestOwn: the servers of this program do all works right.
func TestOwn(t *testing.T) {
	for _, name := range []string{"work", "workhttp", "workstd", "workfcgi"} {
		for _, w := range allWorks() {
			t.Run(name+" "+w.Name, func(t *testing.T) {
				addr := serve(t, "unix", name)
				for _, keep := range []bool{false, true} {
					if err := w.CheckFastCGI("unix", addr, "", keep); err != nil {
						t.Errorf("keep %v: %v", keep, err)
					}
				}
			})
		}
	}
	for _, w := range allWorks() {
		if err := w.CheckHTTP(serve(t, "tcp", "workserved"), "/app"); err != nil {
			t.Error(err)
		}
	}
}

// TestWrong: a response of another work is an error.
func TestWrong(t *testing.T) {
	addr := serve(t, "unix", "server")
	for _, w := range allWorks()[1:] {
		if err := w.CheckFastCGI("unix", addr, "", false); err == nil || !strings.HasPrefix(err.Error(), w.Name+": answered ") {
			t.Errorf("%s: got %v", w.Name, err)
		}
	}
}

// TestPeers: the applications in other languages do all works right, also over a kept connection
// where their server can keep one.
func TestPeers(t *testing.T) {
	dir, err := os.MkdirTemp("", "bench-") // t.TempDir is closed to the user of php-fpm
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	script, err := peer.PHPScript(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		program string // in CGIKIT_REQUIRE
		peer    peer.Peer
		keep    bool
	}{
		{"cc", peer.Libfcgi(dir, 2), true},
		{"perl", peer.FCGIPM(dir, 2), true},
		{"php-fpm8.2", peer.PHPFPM(dir, 2), true},
		{"uwsgi_python3", peer.Uwsgi(dir, "fastcgi", 2), false},
	} {
		t.Run(c.peer.Name, func(t *testing.T) {
			webserver.Find(t, c.program)
			if err := c.peer.Prepare(); err != nil {
				if slices.Contains(strings.Split(os.Getenv("CGIKIT_REQUIRE"), ","), c.peer.Name) {
					t.Fatal(err)
				}
				t.Skipf("%s: %v", c.peer.Name, err)
			}
			p, err := c.peer.Start()
			if err != nil {
				t.Fatal(err)
			}
			defer p.Stop()
			for _, w := range allWorks() {
				if err := w.CheckFastCGI(p.Network, p.Addr, script, c.keep); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func Example() {
	for _, w := range allWorks() {
		fmt.Printf("%s %s, %d bytes: %.12q\n", w.Method(), w.Name, len(w.Answer()), w.Answer())
	}
	// Output:
	// GET hello, 6 bytes: "hello\n"
	// GET echo, 753 bytes: "HTTP_X_FIELD"
	// POST post, 6 bytes: "65536\n"
	// GET large, 1048576 bytes: "xxxxxxxxxxxx"
	// GET stream, 66536 bytes: "xxxxxxxxxxxx"
	// GET flush, 66536 bytes: "xxxxxxxxxxxx"
}
