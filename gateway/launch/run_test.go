package launch

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/listen"
)

// running is a Config.Run in this process.
type running struct {
	log  *logBook
	end  context.CancelFunc
	done chan error
}

// run serves on addresses until the test ends.
func run(t *testing.T, c Config, addresses ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{log: newLogBook(), end: cancel, done: make(chan error, 1)}
	c.App, c.Log = testApp, r.log.logger()
	go func() { r.done <- c.serve(ctx, Choice{Mode: Address, Listen: addresses, Why: "the test says so"}) }()
	t.Cleanup(cancel)
	return r
}

func (r *running) result(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(patience):
		t.Fatalf("it does not end. Log:\n%s", r.log)
		return nil
	}
}

// at returns the network address in a logged address.
func at(t *testing.T, address string) net.Addr {
	t.Helper()
	a, err := listen.Parse(strings.TrimSuffix(address, "/app/"))
	if err != nil {
		t.Fatal(err)
	}
	if a.Network == "unix" {
		return &net.UnixAddr{Net: "unix", Name: a.Path}
	}
	return &net.TCPAddr{IP: net.ParseIP(a.Host), Port: int(a.Port)}
}

func TestServeEachProtocol(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			r := run(t, Config{}, protocol+"://127.0.0.1:0")
			if got := ask(t, protocol, at(t, r.log.served(t)), "/x"); got != "path /x, body of 0" {
				t.Errorf("got %q", got)
			}
			r.end()
			if err := r.result(t); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServeAllProtocolsOnOneListener(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "s")
	r := run(t, Config{}, "auto://127.0.0.1:0", "auto+unix:"+socket)
	for range 2 {
		addr := at(t, r.log.served(t))
		for _, protocol := range protocols {
			if got := ask(t, protocol, addr, "/x"); got != "path /x, body of 0" {
				t.Errorf("%s by %s: got %q", protocol, addr.Network(), got)
			}
		}
	}
	r.end()
	if err := r.result(t); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket's file is still there (%v)", err)
	}
}

func TestServeOneProtocolOnly(t *testing.T) {
	r := run(t, Config{}, "fastcgi://127.0.0.1:0")
	conn, err := net.Dial("tcp", at(t, r.log.served(t)).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	conn.Write(request("http", "/", ""))
	if got, err := io.ReadAll(conn); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("HTTP at a FastCGI address: got %q, %v; want a closed connection", got, err)
	}
}

func TestMount(t *testing.T) {
	r := run(t, Config{Mount: "/app"}, "http://127.0.0.1:0", "auto://127.0.0.1:0")
	url := r.log.served(t)
	if !strings.HasPrefix(url, "http://127.0.0.1:") || !strings.HasSuffix(url, "/app/") {
		t.Errorf("the URL is %s; want one that a browser takes", url)
	}
	addr := at(t, url)
	if got := ask(t, "http", addr, "/app/x"); got != "path /x, body of 0" {
		t.Errorf("below the mount: %q", got)
	}
	if got := ask(t, "http", addr, "/other"); !strings.Contains(got, "404") {
		t.Errorf("outside: %q; want 404", got)
	}
	// The variables that nginx sends with its default configuration.
	addr = at(t, r.log.served(t))
	for _, protocol := range []string{"fastcgi", "scgi"} {
		conn, err := net.Dial("tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		got, err := io.ReadAll(roundTrip(t, conn, protocol, encode(protocol, "REQUEST_URI", "/app/x")))
		if string(got) != "path /x, body of 0" || err != nil {
			t.Errorf("%s: got %q, %v", protocol, got, err)
		}
	}
}

// http.Server alone would allow a head of a megabyte.
func TestHTTPHeadIsBounded(t *testing.T) {
	r := run(t, Config{}, "http://127.0.0.1:0")
	conn, err := net.Dial("tcp", at(t, r.log.served(t)).String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	go io.WriteString(conn, "GET / HTTP/1.0\r\nX: "+strings.Repeat("x", 300<<10)+"\r\n\r\n")
	line := make([]byte, len("HTTP/1.1 431"))
	if _, err := io.ReadFull(conn, line); !strings.HasSuffix(string(line), "431") {
		t.Errorf("got %q, %v; want 431", line, err)
	}
}

// F35, as far as it can be tested without signals.
func TestEndOfContextDrains(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			g := newGate(t)
			r := run(t, Config{}, "auto://127.0.0.1:0")
			addr := at(t, r.log.served(t))
			body := hold(t, protocol, addr, g)
			r.end()
			r.log.await(t, "requests under way may finish")
			g.open(t)
			if rest, err := io.ReadAll(body); string(rest) != "ended\n" || err != nil {
				t.Errorf("the rest of the answer is %q, %v; want all of it", rest, err)
			}
			if err := r.result(t); err != nil {
				t.Error(err)
			}
			if conn, err := net.Dial("tcp", addr.String()); err == nil {
				conn.Close()
				t.Error("it still listens")
			}
		})
	}
}

func TestDrainTimeout(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			r := run(t, Config{DrainTimeout: time.Millisecond}, "auto://127.0.0.1:0")
			body := hold(t, protocol, at(t, r.log.served(t)), newGate(t))
			r.end()
			err := r.result(t)
			if err == nil || !strings.Contains(err.Error(), "launch: cut off requests under way: the timeout of 1ms is over") {
				t.Errorf("got %v; want it to say that a request was cut off", err)
			}
			if rest, err := io.ReadAll(body); strings.Contains(string(rest), "ended") || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the rest of the answer is %q, %v; want a broken connection", rest, err)
			}
		})
	}
}

func TestNegativeDrainTimeoutIsNone(t *testing.T) {
	g := newGate(t)
	r := run(t, Config{DrainTimeout: -1}, "scgi://127.0.0.1:0")
	body := hold(t, "scgi", at(t, r.log.served(t)), g)
	r.end()
	r.log.await(t, "requests under way may finish")
	g.open(t)
	if err := r.result(t); err != nil {
		t.Error(err)
	}
	if rest, err := io.ReadAll(body); string(rest) != "ended\n" || err != nil {
		t.Errorf("the rest of the answer is %q, %v; want all of it", rest, err)
	}
}

func TestMaxBodyBytes(t *testing.T) {
	for _, protocol := range protocols {
		t.Run(protocol, func(t *testing.T) {
			r := run(t, Config{MaxBodyBytes: 3}, protocol+"://127.0.0.1:0")
			addr := at(t, r.log.served(t))
			for body, want := range map[string]string{"abc": "body of 3", "abcd": "body is too large"} {
				conn, err := net.Dial("tcp", addr.String())
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(patience))
				got, err := io.ReadAll(roundTrip(t, conn, protocol, post(protocol, body)))
				if !strings.Contains(string(got), want) || err != nil {
					t.Errorf("a body of %d bytes: got %q, %v; want %s", len(body), got, err, want)
				}
			}
		})
	}
}

func TestDefaultDrainTimeout(t *testing.T) {
	for field, want := range map[time.Duration]time.Duration{0: 30 * time.Second, -1: -1, time.Second: time.Second} {
		if got := (Config{DrainTimeout: field}).drainTimeout(); got != want {
			t.Errorf("DrainTimeout %v: got %v; want %v", field, got, want)
		}
	}
}

func TestBadAddress(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tt := range []struct{ name, address, want string }{
		{"no protocol", "127.0.0.1:0", "has no protocol: write http, fastcgi, scgi or auto"},
		{"no port", "localhost", "has no port"},
		{"no such scheme", "gopher://127.0.0.1:0", `begins with "gopher:", which is unknown`},
		{"commas", "scgi+unix:nowhere/a,b.sock,http://127.0.0.1:0", "is a list: addresses are separated by spaces"},
		{"a target", "demo:", "is a target, not an address to listen on"},
		{"taken", "http://" + taken.Addr().String(), "http://" + taken.Addr().String()},
	} {
		t.Run(tt.name, func(t *testing.T) {
			socket := filepath.Join(t.TempDir(), "s")
			r := run(t, Config{}, "auto+unix:"+socket, tt.address)
			err := r.result(t)
			if err == nil || !strings.HasPrefix(err.Error(), "launch: listen: ") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want it to say %q", err, tt.want)
			}
			if err != nil && !strings.Contains(err.Error(), "the test says so") {
				t.Errorf("%v does not say where the address comes from", err)
			}
			if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("what was opened before stays open (%v)", err)
			}
		})
	}
}

func TestAppIsNil(t *testing.T) {
	if err := Run(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "launch: Config.App is nil") {
		t.Errorf("got %v", err)
	}
}

// A listener that fails ends the others too, so that a supervisor sees the failure and restarts the
// program.
func TestFailureOfAListenerEndsAll(t *testing.T) {
	for _, protocol := range append(protocols, "auto") {
		t.Run(protocol, func(t *testing.T) {
			c := Config{App: testApp, Log: slog.New(slog.DiscardHandler)}
			s, err := c.newServers()
			if err != nil {
				t.Fatal(err)
			}
			broken := errors.New("broken")
			s.start(listener{failing{broken}, protocol})
			select {
			case err := <-s.failed:
				if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "launch: ") {
					t.Errorf("got %v; want launch: and %v", err, broken)
				}
			case <-time.After(patience):
				t.Error("the failure is not told")
			}
			if err := s.drain(context.Background(), patience); err != nil {
				t.Error(err)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Accept() (net.Conn, error) { return nil, f.err }
func (f failing) Close() error              { return nil }
func (f failing) Addr() net.Addr            { return &net.TCPAddr{} }

// F34
func TestWebServerAddresses(t *testing.T) {
	t.Setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2.1")
	r := run(t, Config{}, "fastcgi://127.0.0.1:0", "scgi://127.0.0.1:0")
	for _, protocol := range []string{"fastcgi", "scgi"} {
		conn, err := net.Dial("tcp", at(t, r.log.served(t)).String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(patience))
		conn.Write(request(protocol, "/", ""))
		if got, err := io.ReadAll(conn); len(got) > 0 || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: got %q, %v; want a closed connection", protocol, got, err)
		}
	}
	t.Setenv("FCGI_WEB_SERVER_ADDRS", "192.0.2")
	if err := run(t, Config{}, "fastcgi://127.0.0.1:0").result(t); err == nil || !strings.Contains(err.Error(), "FCGI_WEB_SERVER_ADDRS") {
		t.Errorf("a malformed list: got %v; want an error", err)
	}
}

func TestFallbackTakesAnotherPort(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	open, err := Config{}.listenOn(Choice{Mode: Fallback, Listen: []string{"http://" + taken.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer open[0].Close()
	if a := open[0].Addr().(*net.TCPAddr); !a.IP.IsLoopback() || open[0].protocol != "http" {
		t.Errorf("got %s by %s; want HTTP on loopback", a, open[0].protocol)
	}
}

// A comma is a mistake only if an address follows it.
func TestIsList(t *testing.T) {
	for address, want := range map[string]bool{
		"http://127.0.0.1:1,http://127.0.0.1:2": true, "scgi+unix:/a,fastcgi+fd:0": true, "auto+unix:/a,b, scgi://127.0.0.1:4": true,
		"scgi+unix:/run/a,b.sock": false, "http://127.0.0.1:1": false, "": false, ",": false,
	} {
		if got := isList(address); got != want {
			t.Errorf("%q: got %t", address, got)
		}
	}
}
