package trace

import (
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/scgi"
	"github.com/cgikit/cgikit/util"
)

// echo answers with the request's body, after a line on the error stream.
var echo = gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
	io.WriteString(r.Stderr, "noted\n")
	w.Headers().Set("Content-Type", "text/plain")
	_, err := io.Copy(w, r.Stdin)
	return err
})

// listener is a TCP listener on a port that the system picks.
func listener(t testing.TB) net.Listener {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// collector is a Sink that keeps the kinds of events.
type collector struct {
	mu    sync.Mutex
	kinds []string
}

func (c *collector) Event(e *Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds = append(c.kinds, string(e.Direction)+e.Kind)
}

// proxied runs a Proxy before the application at addr until the returned function is called.
func proxied(t testing.TB, protocol, addr string, sink Sink) (at string, end func()) {
	l := listener(t)
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{Protocol: protocol, Sink: sink, Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	}}
	done := make(chan error, 1)
	go func() { done <- p.Serve(ctx, l) }()
	return l.Addr().String(), func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	}
}

// TestProxy sends a large body through the proxy and gets it back whole, over both protocols. The
// end of Serve does not wait for a kept connection.
func TestProxy(t *testing.T) {
	for _, protocol := range []string{"fastcgi", "scgi"} {
		t.Run(protocol, func(t *testing.T) {
			l := listener(t)
			f, s := &fastcgi.Server{App: echo}, &scgi.Server{App: echo}
			serve, closeServer := f.Serve, f.Close
			if protocol == "scgi" {
				serve, closeServer = s.Serve, s.Close
			}
			served := make(chan struct{})
			go func() { defer close(served); serve(l) }()
			defer func() { closeServer(); <-served }()
			sink := new(collector)
			at, end := proxied(t, protocol, l.Addr().String(), sink)
			client := gateway.Backend(&fastcgi.Client{Addr: at, MaxIdleConns: 1})
			if protocol == "scgi" {
				client = &scgi.Client{Addr: at}
			}
			defer client.(io.Closer).Close()
			body := strings.Repeat("0123456789abcdef", 20000)
			for range 2 {
				if got := ask(t, client, body); got != body {
					t.Errorf("got %d bytes; want %d", len(got), len(body))
				}
			}
			end()
			all := strings.Join(sink.kinds, " ")
			for _, want := range map[string][]string{
				"fastcgi": {">opened", ">BEGIN_REQUEST", ">PARAMS", ">STDIN", "<STDERR", "<STDOUT", "<END_REQUEST"},
				"scgi":    {">opened", ">head", ">body", "<response", "<closed"},
			}[protocol] {
				if !strings.Contains(all, want) {
					t.Errorf("%s is not in %.500s", want, all)
				}
			}
		})
	}
}

// holding is a Sink that takes no event of an exchange until the application has its request.
type holding struct {
	collector
	arrived chan struct{}
	t       *testing.T
}

func (h *holding) Event(e *Event) {
	if e.Kind != "opened" {
		select {
		case <-h.arrived:
		case <-time.After(30 * time.Second):
			h.t.Error("the application waits for the Sink")
		}
	}
	h.collector.Event(e)
}

// TestProxyHandsOnFirst: the application has a request before it is decoded, and still no answer is
// seen before its request.
func TestProxyHandsOnFirst(t *testing.T) {
	app := listener(t)
	sink := &holding{arrived: make(chan struct{}), t: t}
	at, end := proxied(t, "fastcgi", app.Addr().String(), sink)
	server, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	side, err := app.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer side.Close()
	const exchanges = 100
	ending := wire.AppendEndRequest(nil, 1, wire.EndRequest{})
	answer := append(record(ToServer, wire.TypeStdout, 1, "").data, ending...)
	for i := range exchanges {
		server.Write(begin(1, true).data)
		if _, err := io.ReadFull(side, make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			close(sink.arrived)
		}
		side.Write(answer)
		if _, err := io.ReadFull(server, make([]byte, len(answer))); err != nil {
			t.Fatal(err)
		}
	}
	end()
	got := strings.Join(sink.kinds, " ")
	want := ">opened" + strings.Repeat(" >BEGIN_REQUEST <STDOUT <END_REQUEST", exchanges) + " <closed"
	if got != want {
		t.Errorf("got %.2000s", got)
	}
}

// ask posts a body and returns that of the response.
func ask(t *testing.T, b gateway.Backend, body string) string {
	t.Helper()
	r := getRequest()
	r.Environ.Set("REQUEST_METHOD", "POST")
	r.Environ.Set("CONTENT_LENGTH", strconv.Itoa(len(body)))
	r.Stdin = strings.NewReader(body)
	resp, err := b.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

// TestProxyWithoutApplication: the web server sees a closed connection, and Serve goes on.
func TestProxyWithoutApplication(t *testing.T) {
	gone := listener(t)
	gone.Close()
	at, end := proxied(t, "fastcgi", gone.Addr().String(), new(collector))
	defer end()
	for range 2 {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Read(make([]byte, 1)); err == nil {
			t.Error("got a byte")
		}
		c.Close()
	}
}

// TestProxyHandsOnEnds: a web server that goes away in the middle of a request is seen by the
// application, and an application that goes away is seen by the web server.
func TestProxyHandsOnEnds(t *testing.T) {
	app := listener(t)
	at, end := proxied(t, "fastcgi", app.Addr().String(), new(collector))
	defer end()
	for _, first := range []string{"server", "application"} {
		server, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		server.Write(begin(1, true).data)
		side, err := app.Accept()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(side, make([]byte, 16)); err != nil {
			t.Fatal(err)
		}
		one, other := server, side
		if first == "application" {
			one, other = side, server
		}
		one.Close()
		if n, err := other.Read(make([]byte, 1)); err == nil {
			t.Errorf("%s ended: the other side got %d bytes", first, n)
		}
		other.Close()
	}
}

func getRequest() *gateway.Request {
	e := util.EnvironFromList([]string{"REQUEST_METHOD=GET", "REQUEST_URI=/", "SCRIPT_NAME=", "PATH_INFO=/", "SERVER_PROTOCOL=HTTP/1.1",
		"SERVER_NAME=localhost", "SERVER_PORT=80", "QUERY_STRING=", "GATEWAY_INTERFACE=CGI/1.1"})
	return &gateway.Request{Environ: e, Stderr: io.Discard}
}
