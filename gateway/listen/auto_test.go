package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// split starts a Mux for one test.
func split(t *testing.T, l net.Listener, timeout time.Duration) (*Mux, *nettest.Log) {
	t.Helper()
	log := new(nettest.Log)
	m := Split(l, timeout, log.Logger())
	t.Cleanup(func() { m.Close() })
	return m, log
}

// acceptAfter connects to the shared listener, sends, and returns both ends of the connection,
// which b accepts.
func acceptAfter(t *testing.T, shared, b net.Listener, send string) (client, server net.Conn) {
	t.Helper()
	client = nettest.Dial(t, shared)
	io.WriteString(client, send)
	server, err := b.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Close() })
	return client, server
}

func TestSplit(t *testing.T) {
	for _, network := range []struct {
		name, conn string
		l          net.Listener
	}{
		{"tcp", "*net.TCPConn", listenLoopback(t)},
		{"unix", "*net.UnixConn", listenOn(t, nettest.SocketPath(t))},
	} {
		m, log := split(t, network.l, 0)
		for _, tt := range []struct {
			name, send string
			b          net.Listener
		}{
			{"FastCGI", "\x01\x01\x00\x01\x00\x08\x00\x00", m.FastCGI},
			{"SCGI", "70:CONTENT_LENGTH\x00", m.SCGI},
			{"SCGI 0", "0:,", m.SCGI},
			{"SCGI 9", "9:", m.SCGI},
			{"HTTP", "GET / HTTP/1.1\r\n", m.HTTP},
			{"HTTP Z", "Z", m.HTTP},
			{"HTTP in lower case", "get", m.HTTP},
			{"HTTP z", "z", m.HTTP},
		} {
			t.Run(network.name+" "+tt.name, func(t *testing.T) {
				client, server := acceptAfter(t, network.l, tt.b, tt.send)
				if got := fmt.Sprintf("%T", server); got != network.conn {
					t.Errorf("accepted a %s; want a %s", got, network.conn)
				}
				client.(interface{ CloseWrite() error }).CloseWrite()
				if got, err := io.ReadAll(server); string(got) != tt.send || err != nil {
					t.Errorf("got %q, %v; want every byte: %q", got, err, tt.send)
				}
			})
		}
		if s := log.String(); s != "" {
			t.Errorf("logged: %s", s)
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	for _, tt := range []struct{ name, send, want string }{
		{"TLS", "\x16\x03\x01\x02\x00", "begins with TLS"},
		{"NUL", "\x00", "no known protocol"},
		{"FastCGI version 2", "\x02\x01", "no known protocol"},
		{"before the digits", "/", "no known protocol"},
		{"after the digits", ":", "no known protocol"},
		{"before the letters", "@", "no known protocol"},
		{"after the letters", "[", "no known protocol"},
		{"before the small letters", "`", "no known protocol"},
		{"after the small letters", "{", "no known protocol"},
		{"high", "\xff", "no known protocol"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := listenLoopback(t)
			_, log := split(t, l, 0)
			for range 2 {
				c := nettest.Dial(t, l)
				io.WriteString(c, tt.send)
				nettest.WantClosed(t, c)
			}
			log.WantLines(t, tt.want, 1)
		})
	}
}

func TestSplitPeerLeaves(t *testing.T) {
	l := listenLoopback(t)
	m, log := split(t, l, 0)
	c := nettest.Dial(t, l)
	c.(*net.TCPConn).CloseWrite()
	nettest.WantClosed(t, c)
	reset := nettest.Dial(t, l).(*net.TCPConn)
	reset.SetLinger(0)
	reset.Close()
	acceptAfter(t, l, m.HTTP, "GET") // the connections before it have been decided by now
	m.Close()
	if s := log.String(); s != "" {
		t.Errorf("logged: %s", s)
	}
}

func TestSplitTimeout(t *testing.T) {
	l := listenLoopback(t)
	m, log := split(t, l, 10*time.Millisecond)
	nettest.WantClosed(t, nettest.Dial(t, l))
	log.WantLines(t, "sent nothing in time", 1)

	// A connection that Accept returns has no deadline.
	client, server := acceptAfter(t, l, m.SCGI, "1")
	time.Sleep(20 * time.Millisecond) // the deadline must pass
	io.WriteString(client, "2")
	if _, err := io.ReadFull(server, make([]byte, 2)); err != nil {
		t.Error(err)
	}
}

func TestSplitTimeoutDefaults(t *testing.T) {
	for _, tt := range []struct {
		timeout, want time.Duration
	}{{0, time.Minute}, {time.Second, time.Second}, {-1, 0}} {
		synctest.Test(t, func(t *testing.T) {
			l := nettest.NewPipeListener()
			split(t, l, tt.timeout)
			c := l.Dial()
			begun := time.Now()
			c.SetReadDeadline(begun.Add(time.Hour))
			_, err := c.Read(make([]byte, 1))
			if tt.want == 0 {
				if !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("no limit: %v after %v; want none", err, time.Since(begun))
				}
			} else if got := time.Since(begun); err != io.EOF || got != tt.want {
				t.Errorf("limit %v: closed after %v, %v; want %v", tt.timeout, got, err, tt.want)
			}
		})
	}
}

// Connections that are not sockets work too, in a wrapper, as all do on Windows.
func TestSplitReadsAhead(t *testing.T) {
	l := nettest.NewPipeListener()
	m, _ := split(t, l, 0)
	c := l.Dial()
	defer c.Close()
	go io.WriteString(c, "GET / HTTP/1.1")
	server, err := m.HTTP.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	got := make([]byte, 14)
	if _, err := io.ReadFull(server, got); err != nil || string(got) != "GET / HTTP/1.1" {
		t.Errorf("got %q, %v; want every byte", got, err)
	}
}

func TestSplitBoundsTheUndecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, log := split(t, l, -1)
		var conns []net.Conn
		for range maxUndecided {
			conns = append(conns, l.Dial())
		}
		synctest.Wait()
		log.WantLines(t, "closing the oldest", 0)
		for range 2 {
			conns = append(conns, l.Dial())
		}
		synctest.Wait()
		for i, c := range conns {
			c.SetReadDeadline(time.Now().Add(time.Millisecond))
			_, err := c.Read(make([]byte, 1))
			if closed := err == io.EOF; closed != (i < 2) {
				t.Fatalf("connection %d: %v; want the two oldest closed and no other", i, err)
			}
		}
		log.WantLines(t, "closing the oldest", 1)

		// Connections that are decided but not accepted count too, and can also be discarded.
		go conns[2].Write([]byte("0"))
		synctest.Wait()
		late := l.Dial()
		synctest.Wait()
		go late.Write([]byte("1"))
		server, err := m.SCGI.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer server.Close()
		first := make([]byte, 1)
		if io.ReadFull(server, first); string(first) != "1" {
			t.Errorf("accepted the connection that sent %q; want that of %q, as the other was dropped", first, "1")
		}
	})
}

// Accept does not return a connection that is discarded while decide sends it.
func TestSplitDroppedWhileHandedOver(t *testing.T) {
	l := listenLoopback(t)
	m, _ := split(t, l, 0)
	accepted := make(chan net.Conn, 1)
	go func() {
		c, _ := m.HTTP.Accept()
		accepted <- c
	}()
	m.HTTP.(*branch).conns <- &undecided{} // in no list, as after discard
	io.WriteString(nettest.Dial(t, l), "G")
	if c := nettest.Receive(t, accepted, "Accept"); c == nil {
		t.Error("a dropped connection was accepted")
	} else {
		c.Close()
	}
}

func TestSplitProtocolNotServed(t *testing.T) {
	l := listenLoopback(t)
	m, log := split(t, l, 0)
	waiting := nettest.Dial(t, l)
	io.WriteString(waiting, "0:,") // may be decided already, and waits for Accept
	if err := m.SCGI.Close(); err != nil {
		t.Error(err)
	}
	nettest.WantClosed(t, waiting)
	c := nettest.Dial(t, l)
	io.WriteString(c, "0:,")
	nettest.WantClosed(t, c)
	log.WantLines(t, "protocol is not served", 1)
	if c, err := m.SCGI.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept of the closed listener: %v, %v; want net.ErrClosed", c, err)
	}
	acceptAfter(t, l, m.HTTP, "GET")
}

func TestSplitLastClosedClosesAll(t *testing.T) {
	l := listenLoopback(t)
	m, _ := split(t, l, 0)
	silent := nettest.Dial(t, l)
	for _, b := range []net.Listener{m.SCGI, m.SCGI, m.SCGI, m.HTTP} {
		b.Close()
	}
	acceptAfter(t, l, m.FastCGI, "\x01")
	m.FastCGI.Close()
	if c, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the shared listener: %v, %v; want it closed", c, err)
	}
	nettest.WantClosed(t, silent)
}

func TestMuxClose(t *testing.T) {
	l := listenLoopback(t)
	m, _ := split(t, l, 0)
	_, served := acceptAfter(t, l, m.HTTP, "GET")
	silent, waiting := nettest.Dial(t, l), nettest.Dial(t, l)
	io.WriteString(waiting, "\x01")
	ended := make(chan error, 1)
	go func() {
		_, err := m.SCGI.Accept()
		ended <- err
	}()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := nettest.Receive(t, ended, "Accept"); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v; want net.ErrClosed", err)
	}
	nettest.WantClosed(t, silent)
	nettest.WantClosed(t, waiting)
	if _, err := io.ReadFull(served, make([]byte, 3)); err != nil {
		t.Errorf("a connection that Accept returned was closed: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
}

func TestMuxAcceptErrors(t *testing.T) { // F37
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, log := split(t, l, 0)
		for range 3 {
			l.Errs <- errTooManyFiles
		}
		log.WantLines(t, "cannot accept connections, trying again", 1)
		broken := errors.New("broken")
		l.Errs <- broken
		for _, b := range []net.Listener{m.HTTP, m.FastCGI, m.SCGI} {
			if _, err := b.Accept(); err != broken {
				t.Errorf("Accept: %v; want %v", err, broken)
			}
		}
	})
}

func TestMuxCloseInterruptsBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, _ := split(t, l, 0)
		l.Errs <- errTooManyFiles
		synctest.Wait()
		before := time.Now()
		m.Close()
		if got := time.Since(before); got != 0 {
			t.Errorf("Close took %v; want no time", got)
		}
	})
}

// slowConn is a connection whose Read returns some time after Close.
type slowConn struct {
	net.Conn
	end chan struct{}
}

func (c slowConn) Read(p []byte) (int, error) {
	<-c.end
	return 0, io.EOF
}

func TestMuxCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := nettest.NewPipeListener()
		m, _ := split(t, l, 0)
		client, server := net.Pipe()
		defer client.Close()
		slow := slowConn{server, make(chan struct{})}
		l.Conns <- slow
		closed := make(chan error, 1)
		go func() { closed <- m.Close() }()
		synctest.Wait()
		if len(closed) != 0 {
			t.Error("Close returned while a connection was still being looked at")
		}
		close(slow.end)
		synctest.Wait()
		if len(closed) != 1 {
			t.Error("Close did not return")
		}
	})
}
