package listen

import (
	"bytes"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// TestMain fails on goroutines that outlive the tests. As a child process it does what childTask
// says.
func TestMain(m *testing.M) {
	if task := os.Getenv("CGIKIT_LISTEN_CHILD"); task != "" {
		os.Exit(childTask(task))
	}
	os.Exit(leaks.Run(m))
}

// logBuffer is a log that tests can read while it is written.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *logBuffer) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// wantLines checks how many lines of the log hold text.
func (b *logBuffer) wantLines(t *testing.T, text string, want int) {
	t.Helper()
	if got := strings.Count(b.String(), text); got != want {
		t.Errorf("%q is %d times in the log; want %d. Log:\n%s", text, got, want, b)
	}
}

// listenLoopback opens a TCP listener for one test.
func listenLoopback(t *testing.T) net.Listener {
	t.Helper()
	l, err := Listen(Address{Network: "tcp", Host: "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// dial connects to l for one test, under a deadline that only a hanging test meets.
func dial(t *testing.T, l net.Listener) net.Conn {
	t.Helper()
	c, err := net.Dial(l.Addr().Network(), l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(20 * time.Second))
	return c
}

// wantClosed checks that the peer of c ends the connection without a byte.
func wantClosed(t *testing.T, c net.Conn) {
	t.Helper()
	n, err := c.Read(make([]byte, 1))
	if n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("reading gave %d bytes, %v; want a closed connection", n, err)
	}
}

// receive waits for a value, and fails the test rather than hang.
func receive[T any](t *testing.T, ch <-chan T, what string) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(20 * time.Second):
		t.Fatalf("waiting for %s: nothing came", what)
		panic("unreachable")
	}
}
