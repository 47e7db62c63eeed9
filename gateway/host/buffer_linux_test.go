package host_test

import (
	"bufio"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// spoolFiles counts the descriptors of this process whose file was in dir.
func spoolFiles(t testing.TB, dir string) (n int) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range fds {
		if target, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(target, dir+"/") {
			n++
		}
	}
	return n
}

// TestBufferLeavesNothing: if a client leaves while its body or its answer is in a file, the file
// is closed and the budget released.
func TestBufferLeavesNothing(t *testing.T) {
	body := strings.Repeat("x", 3_000_000)
	for name, request := range map[string]string{
		"within the body":   "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n" + body,
		"within the answer": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
		"within a chunk":    "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n" + body,
	} {
		t.Run(name, func(t *testing.T) {
			dir, ended, waits := t.TempDir(), make(chan *gateway.Access, 1), make(chan struct{})
			budget := &exchange.Budget{Dir: dir}
			h := buffered(backendFunc(func(*gateway.Request) (*gateway.Response, error) {
				answer := io.MultiReader(strings.NewReader("Content-Type: a/b\n\n"), io.LimitReader(zeros{}, 50<<20))
				return gateway.ReadResponse(&notifier{Reader: answer, done: func() { close(waits) }}, 0)
			}), budget)
			h.Access = func(a *gateway.Access) { ended <- a }
			s := httptest.NewServer(h)
			defer s.Close()
			c, err := net.Dial("tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(c, request); err != nil {
				t.Fatal(err)
			}
			if name == "within the answer" {
				if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
					t.Fatal(err)
				}
				<-waits
				if n := spoolFiles(t, dir); n != 1 {
					t.Errorf("got %d open files while the answer waits; want 1", n)
				}
			}
			c.(*net.TCPConn).SetLinger(0) // the server sees at once that the client has left
			c.Close()
			if a := <-ended; a.Err == nil {
				t.Errorf("got status %d and no error", a.Status)
			}
			if n := spoolFiles(t, dir); n != 0 {
				t.Errorf("got %d open files; want none", n)
			}
			wantFree(t, budget)
		})
	}
}
