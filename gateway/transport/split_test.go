package transport

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Each listener of a Mux has its own server, and all their connections come through one port.
func TestSplitServers(t *testing.T) {
	l := listenLoopback(t)
	m := listen.Split(l, 0, nil)
	defer m.Close()
	var servers []*running
	for _, b := range []net.Listener{m.HTTP, m.FastCGI, m.SCGI} {
		servers = append(servers, start(t, b, Service{Handle: echo}))
	}
	if !strings.HasPrefix(m.SCGI.Addr().String(), "127.0.0.1:") {
		t.Errorf("Addr: %v", m.SCGI.Addr())
	}
	for _, first := range "G\x010" {
		c := nettest.Dial(t, l)
		io.WriteString(c, string(first))
		if _, err := io.ReadFull(c, make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		exchange(t, c)
	}
	for i, s := range servers {
		s.conns.Close()
		s.wantServed(t)
		if got := s.conns.Stats().Accepted; got != 1 {
			t.Errorf("server %d accepted %d connections; want 1", i, got)
		}
	}
}
