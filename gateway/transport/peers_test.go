package transport

import (
	"net"
	"net/netip"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

func TestCheckIP(t *testing.T) {
	for _, tt := range []struct {
		name, peer, allowed string
		want                bool
	}{
		{"in the network", "10.1.2.3", "10.0.0.0/8", true},
		{"outside", "11.1.2.3", "10.0.0.0/8", false},
		{"one address", "127.0.0.1", "127.0.0.1/32", true},
		{"neighbour", "127.0.0.2", "127.0.0.1/32", false},
		{"IPv4 on a dual-stack listener", "::ffff:10.1.2.3", "10.0.0.0/8", true},
		{"IPv4 outside on a dual-stack listener", "::ffff:11.1.2.3", "10.0.0.0/8", false},
		{"mapped prefix", "10.1.2.3", "::ffff:10.0.0.0/104", true},
		{"mapped prefix, outside", "11.1.2.3", "::ffff:10.0.0.0/104", false},
		{"IPv6", "2001:db8::1", "2001:db8::/32", true},
		{"IPv6 outside", "2001:db9::1", "2001:db8::/32", false},
		{"zone", "fe80::1%eth0", "fe80::/10", true},
		{"IPv4 is not in all of IPv6", "10.1.2.3", "::/0", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := checkIP(netip.MustParseAddr(tt.peer), []netip.Prefix{
				netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix(tt.allowed),
			})
			if got := err == nil; got != tt.want {
				t.Errorf("%s in %s: %v; want %v", tt.peer, tt.allowed, got, tt.want)
			}
		})
	}
	if checkIP(netip.MustParseAddr("10.0.0.1"), nil) == nil {
		t.Error("an empty list, reached because AllowedUIDs has entries, allows a TCP peer")
	}
	if checkIP(netip.MustParseAddr("10.0.0.1"), []netip.Prefix{{}}) == nil {
		t.Error("an invalid prefix allows a peer")
	}
}

func TestAllowedPeers(t *testing.T) { // F34
	for _, tt := range []struct {
		name, allowed string
		want          bool
	}{
		{"allowed", "127.0.0.0/8", true},
		{"not allowed", "192.0.2.0/24", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, nil, Service{Handle: echo, AllowedPeers: []netip.Prefix{netip.MustParsePrefix(tt.allowed)}})
			if tt.want {
				exchange(t, nettest.Dial(t, r.l))
				return
			}
			nettest.WantClosed(t, nettest.Dial(t, r.l))
			nettest.WantClosed(t, nettest.Dial(t, r.l))
			r.log.WantLines(t, "address 127.0.0.1 is not among the allowed peers", 1)
			if got, want := r.conns.Stats(), (Stats{Accepted: 2, Refused: 2}); got != want {
				t.Errorf("Stats: %+v; want %+v", got, want)
			}
		})
	}
}

func TestAllowedPeersOfOtherKinds(t *testing.T) { // F34: not TCP is not allowed
	r := start(t, listenOn(t, nettest.SocketPath(t)), Service{Handle: echo, AllowedPeers: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}})
	nettest.WantClosed(t, nettest.Dial(t, r.l))
	r.log.WantLines(t, "only TCP peers are allowed", 1)

	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if checkPeer(server, &Service{AllowedUIDs: []int{0}}) == nil {
		t.Error("a peer of unknown kind is allowed")
	}
}
