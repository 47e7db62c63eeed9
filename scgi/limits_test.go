package scgi

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

func TestMaxRequests(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		app := newWaiting()
		s := start(t, network, &Server{App: app, MaxRequests: 1})
		first := s.send(request(""))
		<-app.entered
		for range 3 {
			got, err := s.ask(request(strings.Repeat("x", 100<<10)))
			if status := readStatus(t, got); status != "503 Service Unavailable" || err != nil {
				t.Errorf("got %q, %v", status, err)
			}
		}
		close(app.release)
		if got, err := io.ReadAll(first); string(got) != helloAnswer || err != nil {
			t.Errorf("the request under way got %q, %v", got, err)
		}
		waitUntil(t, func() bool { return s.Stats().Requests == 0 })
		s.wellBehaved()
		if lines := s.log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "limit=1") {
			t.Errorf("logged %q; want one line for all that were refused", lines)
		}
	})
}

func TestMaxConns(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: hello, MaxConns: 1})
		idle := s.dial()
		waitUntil(t, func() bool { return s.Stats().Idle == 1 })
		for range 3 {
			got, err := s.ask(request(strings.Repeat("x", 100<<10)))
			if status := readStatus(t, got); status != "503 Service Unavailable" || err != nil {
				t.Errorf("got %q, %v", status, err)
			}
		}
		idle.Close()
		waitUntil(t, func() bool { return s.Stats().Idle == 0 })
		s.wellBehaved()
		if lines := s.log.lines(); len(lines) != 1 {
			t.Errorf("logged %q; want one line for all that were refused", lines)
		}
	})
}

func TestAllowedPeers(t *testing.T) {
	for _, test := range []struct {
		name, network string
		server        *Server
		allowed       bool
	}{
		{"address in the list", "tcp", &Server{AllowedPeers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, true},
		{"address not in the list", "tcp", &Server{AllowedPeers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}, false},
		{"unix socket beside a list of addresses", "unix", &Server{AllowedPeers: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, false},
		{"user not in the list", "unix", &Server{AllowedUIDs: []int{os.Getuid() + 1}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.server.App = hello
			s := start(t, test.network, test.server)
			got, _ := s.askLoosely(request(""))
			if (got == helloAnswer) != test.allowed || !test.allowed && got != "" {
				t.Errorf("got %q; allowed: %v", got, test.allowed)
			}
		})
	}
}

func TestMount(t *testing.T) {
	s := start(t, "unix", &Server{Mount: "/app", App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		_, err := fmt.Fprintf(w, "%q %q", r.Environ.Get("SCRIPT_NAME"), r.Environ.Get("PATH_INFO"))
		return err
	})})
	for _, test := range []struct{ uri, status, body string }{
		{"/app/a%2cb?x", "200", `"/app" "/a,b"`},
		{"/app", "200", `"/app" ""`},
		{"/app//a/../b", "200", `"/app" "//a/../b"`},
		{"//app/a", "200", `"/app" "/a"`},
		{"/apple", "404", ""},
		{"/app/%zz", "400", ""},
	} {
		got, err := s.ask(request("", "REQUEST_URI", test.uri))
		if !strings.HasPrefix(readStatus(t, got), test.status) || err != nil || !strings.HasSuffix(got, test.body) {
			t.Errorf("%s: got %q, %v; want %s %s", test.uri, got, err, test.status, test.body)
		}
	}
}

// Apache and HAProxy-like peers send all of the body before they read. The bytes that the App left
// unread are read to their end, and the answer arrives.
func TestAnswerToUnreadBody(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		s := start(t, network, &Server{App: hello})
		got, err := s.ask(request(strings.Repeat("x", 10<<20))) // ask writes all of it first
		if got != helloAnswer || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// A peer that reads nothing holds the App for one WriteTimeout; one that reads slowly gets
// everything.
func TestWriteTimeout(t *testing.T) {
	t.Parallel()
	bothNetworks(t, func(t *testing.T, network string) {
		t.Parallel()
		const size, bound = 8 << 20, 500 * time.Millisecond
		result := make(chan error, 1)
		s := start(t, network, &Server{WriteTimeout: bound, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := w.Write(make([]byte, size))
			result <- err
			return err
		})})
		c := s.send(request(""))
		if err := <-result; !os.IsTimeout(err) {
			t.Errorf("a peer that does not read: the app got %v; want a timeout", err)
		}
		c.Close()

		c = s.send(request(""))
		got, buf, begin := int64(0), make([]byte, 192<<10), time.Now()
		for {
			n, err := c.Read(buf)
			got += int64(n)
			if err != nil {
				break
			}
			time.Sleep(15 * time.Millisecond) // the peer is slow
		}
		if err, took := <-result, time.Since(begin); err != nil || got < size || took < bound {
			t.Errorf("a peer that took %v: got %d of %d bytes, the app %v", took, got, size, err)
		}
	})
}

// Bytes that the system's buffers accept do not count as progress. A busy machine may be late, so
// that the best of several tries counts.
func TestWriteTimeoutLastsOnce(t *testing.T) {
	t.Parallel()
	bothNetworks(t, func(t *testing.T, network string) {
		t.Parallel()
		const bound, tries = time.Second, 4
		took := make(chan time.Duration, 1)
		s := start(t, network, &Server{WriteTimeout: bound, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			began := time.Now()
			_, err := w.Write(make([]byte, 64<<20))
			took <- time.Since(began)
			return err
		})})
		var all []time.Duration
		for range tries {
			c := s.send(request(""))
			last := <-took
			c.Close()
			if all = append(all, last); last >= bound && last < bound*3/2 {
				return
			}
		}
		t.Errorf("the App's Write failed after %v; want one WriteTimeout, %v", all, bound)
	})
}

// A client that vanishes in the middle of its answer is an error to the App, and no line in the
// log.
func TestPeerGoneWhileWriting(t *testing.T) {
	bothNetworks(t, func(t *testing.T, network string) {
		result := make(chan error, 1)
		s := start(t, network, &Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			var err error
			for err == nil {
				_, err = w.Write(make([]byte, 64<<10))
			}
			if r.Context().Err() == nil {
				t.Error("the context outlived the connection")
			}
			result <- err
			return err
		})})
		c := s.send(request(""))
		io.ReadFull(c, make([]byte, 1000))
		c.Close()
		if err := <-result; !gateway.PeerGone(err) {
			t.Errorf("the app got %v", err)
		}
		waitUntil(t, func() bool { return s.Stats().Active == 0 })
		if text := s.log.String(); text != "" {
			t.Errorf("logged %q", text)
		}
	})
}

// A connection that is no socket is served as well, without what only sockets can do.
func TestServesOtherConnections(t *testing.T) {
	client, server := net.Pipe()
	l := &oneConn{c: server, addr: &net.UnixAddr{Name: "pipe"}, closed: make(chan bool)}
	s := &Server{App: echo}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	io.WriteString(client, request("ab"))
	if got, err := io.ReadAll(client); !strings.HasSuffix(string(got), "ab|2 <nil>") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	s.Close()
	if err := <-served; err != gateway.ErrServerClosed {
		t.Error(err)
	}
}

// oneConn is a listener with one connection.
type oneConn struct {
	c      net.Conn
	addr   net.Addr
	closed chan bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if c := l.c; c != nil {
		l.c = nil
		return c, nil
	}
	<-l.closed
	return nil, net.ErrClosed
}

func (l *oneConn) Close() error {
	close(l.closed)
	return nil
}

func (l *oneConn) Addr() net.Addr { return l.addr }

func TestServeNeedsAnApp(t *testing.T) {
	l := listenOn(t, "tcp")
	if err := new(Server).Serve(l); err == nil || !strings.Contains(err.Error(), "App is nil") {
		t.Errorf("got %v", err)
	}
	if _, err := l.Accept(); err == nil {
		t.Error("the listener was left open")
	}
}

func TestListenAndServeNamesTheAddress(t *testing.T) {
	if err := ListenAndServe("fastcgi://127.0.0.1:0", hello); err == nil || !strings.Contains(err.Error(), "fastcgi") {
		t.Errorf("got %v", err)
	}
}
