package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
)

// Environment variables that make the test binary run a program.
const (
	childVariable    = "CGIKIT_TEST_CHILD"    // name of the program
	evidenceVariable = "CGIKIT_TEST_EVIDENCE" // file for the result of Look, if any
)

// patience bounds every wait, so that a program that hangs fails its test.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	if name := os.Getenv(childVariable); name != "" {
		os.Exit(child(name))
	}
	flag.Set("test.parallel", "6") // they wait for other programs; the flag -parallel still counts
	os.Exit(leaks.Run(m))
}

// child is the program that the tests start: the main function of the package documentation.
func child(name string) int {
	if err := writeEvidence(os.Getenv(evidenceVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, config := context.Background(), Config{App: testApp}
	switch name {
	case "systemd": // the parent cannot know the id before the start
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid()))
	case "short-drain":
		config.DrainTimeout = time.Millisecond
	case "long-delay":
		config.DrainDelay = time.Hour
	case "notify-context": // as many main functions do
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
	}
	if err := config.Run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func writeEvidence(file string) error {
	if file == "" {
		return nil
	}
	text, err := json.Marshal(Look())
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o666)
}

// testApp answers with the path. At /hold it writes "begun", waits until the test opens the gate
// whose port is the query, and writes "ended".
var testApp = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	body, err := io.ReadAll(r.Stdin)
	if err != nil {
		return err
	}
	path := r.Environ.Get("PATH_INFO")
	if path != "/hold" {
		_, err := fmt.Fprintf(w, "path %s, body of %d", path, len(body))
		return err
	}
	io.WriteString(w, "begun\n")
	if err := w.Flush(); err != nil {
		return err
	}
	if err := waitAtGate(r.Context(), r.Environ.Get("QUERY_STRING")); err != nil {
		return err
	}
	_, err = io.WriteString(w, "ended\n")
	return err
})

func waitAtGate(ctx context.Context, port string) error {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_, err = io.Copy(io.Discard, c)
	return err
}

// gate is a listener. The App waits at it until the test opens it.
type gate struct{ *net.TCPListener }

func newGate(t *testing.T) gate {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return gate{l}
}

func (g gate) port() string { return fmt.Sprint(g.Addr().(*net.TCPAddr).Port) }

// open waits until the App has connected, and lets it continue.
func (g gate) open(t *testing.T) {
	t.Helper()
	g.SetDeadline(time.Now().Add(patience))
	c, err := g.Accept()
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// logBook is a log that tests read while it is written. A Write never waits for the test.
type logBook struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines []string      // lines that await has not returned
	more  chan struct{} // has a value after a Write
}

func newLogBook() *logBook { return &logBook{more: make(chan struct{}, 1)} }

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(b.lines, string(p))
	select {
	case b.more <- struct{}{}:
	default:
	}
	return b.text.Write(p)
}

// next returns the lines since the last call.
func (b *logBook) next() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	lines := b.lines
	b.lines = nil
	return lines
}

// putBack puts lines before those that next returns.
func (b *logBook) putBack(lines []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = append(lines, b.lines...)
}

func (b *logBook) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func (b *logBook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b, nil)) }

// await waits for the next line that contains text, and returns it.
func (b *logBook) await(t *testing.T, text string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		lines := b.next()
		for i, line := range lines {
			if strings.Contains(line, text) {
				b.putBack(lines[i+1:])
				return line
			}
		}
		select {
		case <-b.more:
		case <-deadline:
			t.Fatalf("no line with %q came. Log:\n%s", text, b)
		}
	}
}

// served waits for the line with an address that is served, and returns the address.
func (b *logBook) served(t *testing.T) string {
	t.Helper()
	_, rest, _ := strings.Cut(b.await(t, "serving"), "address=")
	address, _, _ := strings.Cut(rest, " ")
	return address
}
