package listen

import (
	"net"
	"testing"
)

// addressed is a connection that has only the address of its peer.
type addressed struct {
	net.Conn
	addr net.Addr
}

func (c addressed) RemoteAddr() net.Addr { return c.addr }

func undecidedOf(a, b byte, port int) *undecided {
	return &undecided{conn: addressed{addr: &net.TCPAddr{IP: net.IPv4(192, 0, a, b), Port: port}}}
}

// TestWaitingListKeepsTheFew: connections from a few addresses, however many, do not displace the
// single connection of another client.
func TestWaitingListKeepsTheFew(t *testing.T) {
	var c waitingList
	var honest []*undecided
	for i := range 20 {
		u := undecidedOf(1, byte(i), 1)
		honest = append(honest, u)
		if dropped := c.add(u); len(dropped) != 0 {
			t.Fatal("discarded a connection although there are few")
		}
	}
	for i := range 5000 {
		for _, u := range c.add(undecidedOf(2, byte(i%10), i)) {
			if !c.remove(u) {
				t.Fatal("discarded a connection that is not in the list")
			}
		}
		if c.size > maxUndecided+1 {
			t.Fatalf("%d connections are undecided; want %d at most", c.size, maxUndecided)
		}
	}
	for i, u := range honest {
		if u.at == nil {
			t.Errorf("client %d was dropped", i)
		}
	}
	if n := len(c.all()); n != c.size {
		t.Errorf("%d connections are listed, and %d counted", n, c.size)
	}
}

// TestWaitingListBoundsAnAddress: one address has at most maxUndecidedPerPeer connections. Peers on
// a unix socket have no address.
func TestWaitingListBoundsAnAddress(t *testing.T) {
	for _, test := range []struct {
		name string
		addr net.Addr
		want int
	}{
		{"tcp", &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}, maxUndecidedPerPeer},
		{"unix", &net.UnixAddr{}, maxUndecided},
	} {
		t.Run(test.name, func(t *testing.T) {
			var c waitingList
			for range 3000 {
				for _, u := range c.add(&undecided{conn: addressed{addr: test.addr}}) {
					c.remove(u)
				}
			}
			if c.size != test.want {
				t.Errorf("%d are undecided; want %d", c.size, test.want)
			}
		})
	}
}
