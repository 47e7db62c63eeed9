package transport

import (
	"net"
	"os"
	"testing"

	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

func TestAllowedUIDs(t *testing.T) {
	for _, tt := range []struct {
		name string
		uids []int
		want bool
	}{
		{"allowed", []int{os.Getuid() + 1, os.Getuid()}, true},
		{"not allowed", []int{os.Getuid() + 1}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, listenOn(t, nettest.SocketPath(t)), Service{Handle: echo, AllowedUIDs: tt.uids})
			if tt.want {
				exchange(t, nettest.Dial(t, r.l))
				return
			}
			nettest.WantClosed(t, nettest.Dial(t, r.l))
			r.log.WantLines(t, "is not among the allowed ones", 1)
		})
	}
}

func TestPeerUIDFails(t *testing.T) {
	l := listenOn(t, nettest.SocketPath(t))
	_, c := nettest.Connect(t, l)
	if uid, err := peerUID(struct{ net.Conn }{c}); err == nil {
		t.Errorf("without a descriptor: %d; want an error", uid)
	}
	c.Close()
	if uid, err := peerUID(c); err == nil {
		t.Errorf("of a closed connection: %d; want an error", uid)
	}
}
