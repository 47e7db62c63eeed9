package scgi

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/leaks"
	"github.com/cgikit/cgikit/util"
)

// TestMain fails when a test leaks a goroutine.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "6") // some wait for a timeout; the flag -parallel still counts
	os.Exit(leaks.Run(m))
}

// logBook is a log that a test can read while it is written.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBook) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBook) lines() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Split(strings.TrimSuffix(b.text.String(), "\n"), "\n")[:strings.Count(b.text.String(), "\n")]
}

func (b *logBook) String() string { return strings.Join(b.lines(), "\n") }

// running is a Server that listens.
type running struct {
	*Server
	t       *testing.T
	network string
	addr    string
	log     *logBook
}

// start serves s on a new listener until the test ends.
func start(t *testing.T, network string, s *Server) *running {
	t.Helper()
	l := listenOn(t, network)
	r := &running{Server: s, t: t, network: network, addr: l.Addr().String(), log: new(logBook)}
	if s.ErrorLog == nil {
		s.ErrorLog = slog.New(slog.NewTextHandler(r.log, nil))
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Close()
		if err := s.Shutdown(context.Background()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := <-served; err != gateway.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return r
}

func listenOn(t testing.TB, network string) net.Listener {
	t.Helper()
	addr := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "scgi") // t.TempDir's names can be too long for a socket
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		addr = filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial connects, with a deadline that no passing test meets.
func (r *running) dial() net.Conn {
	r.t.Helper()
	c, err := net.Dial(r.network, r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(30 * time.Second))
	return c
}

// send connects and sends raw bytes.
func (r *running) send(raw string) net.Conn {
	r.t.Helper()
	c := r.dial()
	if _, err := io.WriteString(c, raw); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// ask sends raw bytes and returns all that comes back.
func (r *running) ask(raw string) (string, error) {
	r.t.Helper()
	c := r.send(raw)
	defer c.Close()
	b, err := io.ReadAll(c)
	return string(b), err
}

// expect sends raw bytes and wants a whole answer.
func (r *running) expect(raw, want string) {
	r.t.Helper()
	if got, err := r.ask(raw); err != nil || got != want {
		r.t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

// bothNetworks runs a test over TCP and over a unix socket.
func bothNetworks(t *testing.T, test func(t *testing.T, network string)) {
	t.Helper()
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) { test(t, network) })
	}
}

// netstring is the netstring of a header block, written independently of the encoder under test.
func netstring(block string) string { return fmt.Sprintf("%d:%s,", len(block), block) }

// request is a request with a body; pairs are names and values besides CONTENT_LENGTH and SCGI.
func request(body string, pairs ...string) string {
	block := fmt.Sprintf("CONTENT_LENGTH\x00%d\x00SCGI\x001\x00", len(body))
	if len(pairs) > 0 {
		block += strings.Join(pairs, "\x00") + "\x00"
	}
	return netstring(block) + body
}

const helloAnswer = "Status: 200 OK\r\nContent-Length: 5\r\n\r\nhello"

// hello is an App that answers helloAnswer.
var hello = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	_, err := io.WriteString(w, "hello")
	return err
})

// echo answers with its body and how that ended.
var echo = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	n, err := io.Copy(w, r.Stdin)
	fmt.Fprintf(w, "|%d %v", n, err)
	return nil
})

func environOf(pairs ...string) *util.Environ {
	e := util.NewEnviron()
	for i := 0; i < len(pairs); i += 2 {
		e.Add(pairs[i], pairs[i+1])
	}
	return e
}

// readStatus reads the first line of an answer.
func readStatus(t *testing.T, answer string) string {
	t.Helper()
	line, _, ok := strings.Cut(answer, "\r\n")
	status, isStatus := strings.CutPrefix(line, "Status: ")
	if !ok || !isStatus {
		t.Errorf("answer %q does not begin with a status", answer)
	}
	return status
}
