package listen

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// proxyListeners returns a listener with proxy=1 for each network.
func proxyListeners(t *testing.T) map[string]net.Listener {
	t.Helper()
	return map[string]net.Listener{
		"tcp":  listenOn(t, "127.0.0.1:0?proxy=1"),
		"unix": listenOn(t, nettest.SocketPath(t)+"?proxy=1"),
	}
}

// acceptProxied connects to l and returns both ends.
func acceptProxied(t *testing.T, l net.Listener) (client net.Conn, server *ProxyConn) {
	t.Helper()
	client, c := nettest.Connect(t, l)
	server, ok := c.(*ProxyConn)
	if !ok {
		t.Fatalf("accepted a %T; want a *ProxyConn", c)
	}
	return client, server
}

// addrString is the text of an announced address.
func addrString(h proxyHeader, peer net.Addr) string {
	switch {
	case h.unix:
		return "@"
	case h.source.IsValid():
		return net.TCPAddrFromAddrPort(h.source).String()
	}
	return peer.String()
}

// TestProxyConn sends each header whole, byte by byte and in two parts, and bytes after it.
func TestProxyConn(t *testing.T) {
	for network, l := range proxyListeners(t) {
		for _, tt := range proxyHeaders {
			for _, part := range []int{len(tt.in) + 4, 1, len(tt.in) / 2} {
				t.Run(fmt.Sprintf("%s %s in parts of %d", network, tt.name, part), func(t *testing.T) {
					client, server := acceptProxied(t, l)
					if _, err := server.Read(make([]byte, 1)); err != errHeaderUnread {
						t.Errorf("Read before ReadHeader: %v; want %v", err, errHeaderUnread)
					}
					go writeParts(client, tt.in+"rest", part)
					if err := server.ReadHeader(nettest.Patience); err != nil {
						t.Fatal(err)
					}
					if got, want := server.RemoteAddr().String(), addrString(tt.want, server.Conn.RemoteAddr()); got != want {
						t.Errorf("RemoteAddr: got %s; want %s", got, want)
					}
					if got, err := io.ReadAll(server); string(got) != "rest" || err != nil {
						t.Errorf("after the header: got %.99q, %v; want %q", got, err, "rest")
					}
					if got := fmt.Sprintf("%T", server.Conn); got != "*net.TCPConn" && got != "*net.UnixConn" {
						t.Errorf("Conn is a %s", got)
					}
				})
			}
		}
	}
}

// writeParts writes s in parts and closes the writing end.
func writeParts(c net.Conn, s string, part int) {
	for s != "" {
		n := min(part, len(s))
		if _, err := io.WriteString(c, s[:n]); err != nil {
			return
		}
		s = s[n:]
	}
	c.(interface{ CloseWrite() error }).CloseWrite()
}

func TestProxyConnErrors(t *testing.T) {
	for network, l := range proxyListeners(t) {
		for _, tt := range badProxyHeaders {
			t.Run(network+" "+tt.name, func(t *testing.T) {
				client, server := acceptProxied(t, l)
				io.WriteString(client, tt.in)
				err := server.ReadHeader(nettest.Patience)
				if !errors.As(err, new(*ProxyError)) || !strings.Contains(err.Error(), tt.want) {
					t.Fatalf("got %v; want a *ProxyError with %q", err, tt.want)
				}
				if again := server.ReadHeader(nettest.Patience); again != err {
					t.Errorf("the second call: got %v; want %v", again, err)
				}
				if _, readErr := server.Read(make([]byte, 1)); readErr != err {
					t.Errorf("Read: got %v; want %v", readErr, err)
				}
			})
		}
	}
}

// TestProxyConnIsCut: the peer closes the connection within the header, or before it.
func TestProxyConnIsCut(t *testing.T) {
	for network, l := range proxyListeners(t) {
		for _, sent := range []string{"", "P", "PROXY TCP4 192.0.2.1", proxyV2Signature, v2(0x21, 0x11, v2IPv4)[:20]} {
			t.Run(fmt.Sprintf("%s after %d bytes", network, len(sent)), func(t *testing.T) {
				client, server := acceptProxied(t, l)
				io.WriteString(client, sent)
				client.Close()
				err := server.ReadHeader(nettest.Patience)
				if sent == "" && err != io.EOF {
					t.Errorf("got %v; want io.EOF", err)
				}
				if sent != "" && (!errors.As(err, new(*ProxyError)) || !errors.Is(err, io.EOF)) {
					t.Errorf("got %v; want a *ProxyError that wraps io.EOF", err)
				}
			})
		}
	}
}

func TestProxyConnIsLate(t *testing.T) {
	client, server := acceptProxied(t, listenOn(t, "127.0.0.1:0?proxy=1"))
	io.WriteString(client, "PROXY TCP4 ")
	err := server.ReadHeader(time.Millisecond)
	if !errors.As(err, new(*ProxyError)) || !strings.Contains(err.Error(), "no complete PROXY protocol header within 1ms") {
		t.Errorf("got %v; want a *ProxyError that names the time", err)
	}
}

// TestProxyConnHasNoDeadline: the deadline of the header must not remain.
func TestProxyConnHasNoDeadline(t *testing.T) {
	client, server := acceptProxied(t, listenOn(t, "127.0.0.1:0?proxy=1"))
	var deadlines deadlineLog
	deadlines.Conn, server.Conn = server.Conn, &deadlines
	io.WriteString(client, "PROXY UNKNOWN\r\n") // the wrapper is no socket, so it is read byte by byte
	if err := server.ReadHeader(0); err != nil {
		t.Fatal(err)
	}
	if n := len(deadlines.set); n != 2 || deadlines.set[0].IsZero() || !deadlines.set[1].IsZero() {
		t.Errorf("deadlines: %v; want one, and then none", deadlines.set)
	}
}

type deadlineLog struct {
	net.Conn
	set []time.Time
}

func (d *deadlineLog) SetReadDeadline(t time.Time) error {
	d.set = append(d.set, t)
	return d.Conn.SetReadDeadline(t)
}

// TestSplitProxied: the header is read before the Mux looks for the protocol.
func TestSplitProxied(t *testing.T) {
	for network, l := range proxyListeners(t) {
		m, log := split(t, l, 0)
		for name, b := range map[string]net.Listener{"\x01": m.FastCGI, "24:": m.SCGI, "GET": m.HTTP} {
			for _, header := range []string{"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", v2(0x21, 0x11, v2IPv4)} {
				_, server := acceptAfter(t, l, b, header+name)
				p, ok := server.(*ProxyConn)
				if !ok || p.ReadHeader(0) != nil || p.RemoteAddr().String() != "192.0.2.1:56324" {
					t.Fatalf("%s: accepted a %T from %s; want a *ProxyConn from 192.0.2.1:56324", network, server, server.RemoteAddr())
				}
				got := make([]byte, len(name))
				if _, err := io.ReadFull(p.Conn, got); string(got) != name || err != nil {
					t.Errorf("%s: got %q, %v; want %q", network, got, err, name)
				}
			}
		}
		if s := log.String(); s != "" {
			t.Errorf("%s: logged: %s", network, s)
		}
	}
}

func TestSplitProxiedRefuses(t *testing.T) {
	for _, tt := range []struct{ name, send, want string }{
		{"no header", "GET / HTTP/1.1\r\n", "does not begin with a PROXY"},
		{"bad header", "PROXY TCP9\r\n", "does not have the form"},
		{"header, then no protocol", "PROXY UNKNOWN\r\n\x00", "no known protocol"},
		{"two headers in version 2", v2(0x20, 0, "") + v2(0x20, 0, ""), "no known protocol"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := listenOn(t, "127.0.0.1:0?proxy=1")
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

// TestSplitProxiedPeerClosed: a load balancer's check, which sends nothing, is not logged.
func TestSplitProxiedPeerClosed(t *testing.T) {
	l := listenOn(t, "127.0.0.1:0?proxy=1")
	m, log := split(t, l, 0)
	c := nettest.Dial(t, l)
	c.(*net.TCPConn).CloseWrite()
	nettest.WantClosed(t, c)
	m.Close()
	if s := log.String(); s != "" {
		t.Errorf("logged: %s", s)
	}
}

func TestSplitProxiedSilent(t *testing.T) {
	l := listenOn(t, "127.0.0.1:0?proxy=1")
	_, log := split(t, l, time.Millisecond)
	nettest.WantClosed(t, nettest.Dial(t, l))
	log.WantLines(t, "no complete PROXY protocol header within 1ms", 1)
}

// TestSplitCountsAnnouncedPeers: after its header, a connection counts for its client. Otherwise
// the clients of a proxy would have the room of one peer.
func TestSplitCountsAnnouncedPeers(t *testing.T) {
	m, _ := split(t, nettest.NewPipeListener(), 0)
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	u := &undecided{conn: &ProxyConn{Conn: server}, gone: make(chan struct{})}
	m.mu.Lock()
	m.addWaiting(u)
	m.mu.Unlock()
	go io.WriteString(client, "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
	if err := m.readProxyHeader(u); err != nil {
		t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.waiting.size != 1 || m.waiting.peers["192.0.2.1"] == nil || u.peer != "192.0.2.1" {
		t.Errorf("waiting: %d of %v; want 1 of 192.0.2.1", m.waiting.size, m.waiting.peers)
	}
}

func TestProxyListenerDrains(t *testing.T) {
	for network, l := range proxyListeners(t) {
		if err := l.(interface{ Drain(time.Time) error }).Drain(time.Unix(1, 0)); err != nil {
			t.Errorf("%s: %v", network, err)
		}
		if _, err := l.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: Accept: %v; want os.ErrDeadlineExceeded", network, err)
		}
	}
}
