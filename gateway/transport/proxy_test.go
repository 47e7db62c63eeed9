package transport

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
	"github.com/cgikit/cgikit/gateway/listen"
)

// TestProxyHeader: Handle gets the concrete connection after its header, and the announced address.
func TestProxyHeader(t *testing.T) {
	for _, addr := range []string{"127.0.0.1:0?proxy=1", nettest.SocketPath(t) + "?proxy=1"} {
		served := make(chan string, 1)
		r := start(t, listenOn(t, addr), Service{Handle: func(_ context.Context, c *Conn) {
			switch c.Net.(type) {
			case *net.TCPConn, *net.UnixConn:
			default:
				t.Errorf("Net is a %T", c.Net)
			}
			rest, _ := io.ReadAll(c.Net)
			served <- c.RemoteAddr().String() + " " + string(rest)
		}})
		c := nettest.Dial(t, r.l)
		io.WriteString(c, "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\nrest")
		c.(interface{ CloseWrite() error }).CloseWrite()
		if got, want := nettest.Receive(t, served, "the request"), "192.0.2.1:56324 rest"; got != want {
			t.Errorf("%s: got %q; want %q", addr, got, want)
		}
		if s := r.log.String(); s != "" {
			t.Errorf("%s: logged: %s", addr, s)
		}
	}
}

// TestProxyHeaderIsMissing: such a connection is closed without Handle and logged once. Another is
// accepted while it waits.
func TestProxyHeaderIsMissing(t *testing.T) {
	r := start(t, listenOn(t, "127.0.0.1:0?proxy=1"), Service{Handle: echo})
	silent := nettest.Dial(t, r.l)
	for range 2 {
		c := nettest.Dial(t, r.l)
		io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
		nettest.WantClosed(t, c)
	}
	r.log.WantLines(t, "does not begin with a PROXY protocol header", 1)
	io.WriteString(silent, "PROXY UNKNOWN\r\n")
	exchange(t, silent)
}

// TestProxyHeaderOfNothing: a check that connects and sends nothing is not logged.
func TestProxyHeaderOfNothing(t *testing.T) {
	r := start(t, listenOn(t, "127.0.0.1:0?proxy=1"), Service{Handle: echo})
	c := nettest.Dial(t, r.l)
	c.(*net.TCPConn).CloseWrite()
	nettest.WantClosed(t, c)
	if s := r.log.String(); s != "" {
		t.Errorf("logged: %s", s)
	}
}

// TestProxyHeaderAboveMaxConns: a connection that is refused has a header too.
func TestProxyHeaderAboveMaxConns(t *testing.T) {
	begun := make(chan *Conn, 1)
	r := start(t, listenOn(t, "127.0.0.1:0?proxy=1"), Service{Handle: hold(begun), MaxConns: 1, Refuse: func(nc net.Conn) {
		got := make([]byte, 4)
		io.ReadFull(nc, got)
		nc.Write(got)
	}})
	io.WriteString(nettest.Dial(t, r.l), "PROXY UNKNOWN\r\n")
	nettest.Receive(t, begun, "the first connection")
	c := nettest.Dial(t, r.l)
	io.WriteString(c, "PROXY UNKNOWN\r\nrest")
	if got, err := io.ReadAll(c); string(got) != "rest" || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, "rest")
	}
}

// peerConn is a connection of another peer.
type peerConn struct {
	net.Conn
	peer net.Addr
}

func (c peerConn) RemoteAddr() net.Addr { return c.peer }

// TestProxyPeers: AllowedPeers is about the proxy, whatever address it announces.
func TestProxyPeers(t *testing.T) {
	for _, tt := range []struct {
		name, peer, allowed string
		want                bool
	}{
		{"loopback", "127.0.0.1", "", true},
		{"all of loopback", "127.8.9.10", "", true},
		{"loopback of IPv6", "::1", "", true},
		{"loopback on a dual-stack listener", "::ffff:127.0.0.1", "", true},
		{"another machine", "10.0.0.1", "", false},
		{"another machine on a dual-stack listener", "::ffff:10.0.0.1", "", false},
		{"another machine over IPv6", "2001:db8::1", "", false},
		{"allowed", "10.0.0.1", "10.0.0.0/8", true},
		{"not allowed", "11.0.0.1", "10.0.0.0/8", false},
		{"loopback not allowed", "127.0.0.1", "10.0.0.0/8", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			peer := &net.TCPAddr{IP: net.ParseIP(tt.peer), Port: 1}
			client, server := net.Pipe()
			defer client.Close()
			go io.WriteString(client, "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n") // always an allowed address
			p := &listen.ProxyConn{Conn: peerConn{server, peer}}
			if err := p.ReadHeader(nettest.Patience); err != nil {
				t.Fatal(err)
			}
			s := new(Service)
			if tt.allowed != "" {
				s.AllowedPeers = []netip.Prefix{netip.MustParsePrefix(tt.allowed)}
			}
			if err := checkPeer(p, s); (err == nil) != tt.want {
				t.Errorf("%s with %q allowed: %v; want %t", tt.peer, tt.allowed, err, tt.want)
			}
		})
	}
}

func TestProxyPeersOnUnixSockets(t *testing.T) {
	for _, tt := range []struct {
		name string
		s    Service
		want bool
	}{
		{"any", Service{}, true},
		{"allowed", Service{AllowedUIDs: []int{os.Getuid()}}, runtime.GOOS == "linux"},
		{"not allowed", Service{AllowedUIDs: []int{os.Getuid() + 1}}, false},
		{"TCP only", Service{AllowedPeers: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, server := nettest.Connect(t, listenOn(t, nettest.SocketPath(t)+"?proxy=1"))
			if err := checkPeer(server, &tt.s); (err == nil) != tt.want {
				t.Errorf("got %v; want %t", err, tt.want)
			}
		})
	}
}

// TestDialRefusesProxy: clients send no header.
func TestDialRefusesProxy(t *testing.T) {
	d := &Dialer{Protocol: "scgi", Addr: "127.0.0.1:1?proxy=1"}
	_, err := d.Dial(t.Context())
	if err == nil || !strings.Contains(err.Error(), "has the option proxy=1, which is one of listeners only") {
		t.Errorf("got %v; want an error about proxy=1", err)
	}
}
