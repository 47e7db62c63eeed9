package fastcgi_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/gatewaytest/webserver"
)

// held is an application whose requests wait until they are let go.
type held struct {
	arrived chan string              // the path of a request that has come
	release map[string]chan struct{} // by path
	told    chan error               // what became of the upload that was given up
}

const heldRequests = 6

func newHeld() *held {
	h := &held{arrived: make(chan string), release: make(map[string]chan struct{}), told: make(chan error, 1)}
	for i := range heldRequests {
		h.release[fmt.Sprint("/", i)] = make(chan struct{})
	}
	return h
}

// ServeGateway implements gateway.App. Each request says eight bytes on the error stream, a record
// that needs no padding.
func (h *held) ServeGateway(w gateway.ResponseWriter, r *gateway.Request) error {
	path := r.Environ.Get("PATH_INFO")
	fmt.Fprintf(r.Stderr, "%-7s\n", "at "+path)
	ctx := r.Context()
	h.arrived <- path
	if path == "/upload" {
		<-ctx.Done()
		_, err := io.Copy(io.Discard, r.Stdin)
		h.told <- err
		return err
	}
	select {
	case <-h.release[path]:
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err := io.WriteString(w, path)
	return err
}

// TestHAProxy: one connection carries several requests at a time. They end in another order than
// they came in, and one that is given up in the middle of its body ends alone (F12, F18, F32).
func TestHAProxy(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		for _, network := range []string{"tcp", "unix"} {
			t.Run(network, func(t *testing.T) {
				app := newHeld()
				srv := startPeer(t, network, &fastcgi.Server{App: app})
				s := webserver.Start(t, webserver.Config{Template: "haproxy-fastcgi", Mount: "/app", Backend: srv.addr, KeepAlive: true})
				answers := app.fill(t, s)
				if stats := srv.Stats(); stats.Accepted != 1 || srv.CurrentRequests() != heldRequests {
					t.Fatalf("got %d requests on %d connections; want %d on one", srv.CurrentRequests(), stats.Accepted, heldRequests)
				}
				app.giveUp(t, s)
				app.drain(t, answers, 5, 3, 1, 4, 2, 0)
				if n := srv.Stats().Accepted; n != 1 {
					t.Errorf("HAProxy made %d connections; want one for all", n)
				}
				if !differs(t, "FCGI_STDERR") {
					checkSaid(t, s)
				}
			})
		}
	})
}

// fill starts the requests, the first one alone so that there is a connection for the others.
func (h *held) fill(t *testing.T, s *webserver.Server) []chan string {
	t.Helper()
	answers := make([]chan string, heldRequests)
	for i := range answers {
		answers[i] = make(chan string, 1)
		go func() { answers[i] <- fetch(s.URL + fmt.Sprint("/", i)) }()
		h.await(t)
	}
	return answers
}

func (h *held) await(t *testing.T) {
	t.Helper()
	select {
	case <-h.arrived:
	case <-time.After(patience):
		t.Fatal("a request does not arrive while others are held")
	}
}

func fetch(url string) string {
	resp, err := peerClient.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s, %v", resp.StatusCode, body, err)
}

// giveUp sends half a body and goes away, for which HAProxy sends ABORT_REQUEST.
func (h *held) giveUp(t *testing.T, s *webserver.Server) {
	t.Helper()
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// HAProxy collects 64 KiB before it asks, and a server reads 256 KiB ahead of the App
	half := strings.Repeat("x", 100_000)
	if _, err := fmt.Fprintf(c, "POST /app/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 400000\r\n\r\n%s", half); err != nil {
		t.Fatal(err)
	}
	h.await(t)
	c.Close()
	select {
	case err := <-h.told:
		if err == nil {
			t.Error("half a body passed for a whole one")
		}
	case <-time.After(patience):
		t.Error("the context of a request that was given up has not ended")
	}
}

// drain lets the requests go one by one, each when the answer before has arrived.
func (h *held) drain(t *testing.T, answers []chan string, order ...int) {
	t.Helper()
	for _, i := range order {
		path := fmt.Sprint("/", i)
		close(h.release[path])
		if got, want := <-answers[i], "200 "+path+", <nil>"; got != want {
			t.Errorf("%s: got %s; want %s", path, got, want)
		}
	}
}

// checkSaid: HAProxy logs what the App said.
func checkSaid(t *testing.T, s *webserver.Server) {
	t.Helper()
	for i := range heldRequests {
		said := fmt.Sprintf("at /%d", i)
		for end := time.Now().Add(patience); !strings.Contains(s.ErrorLog(), said); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("no %q in HAProxy's log", said)
			}
		}
	}
}
