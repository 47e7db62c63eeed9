package launch

import (
	"context"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
)

// drained is a listener that records that it is served and that Drain was called.
type drained struct {
	net.Listener
	once   sync.Once
	served chan struct{}
	told   chan struct{}
}

func (d *drained) Accept() (net.Conn, error) {
	d.once.Do(func() { close(d.served) })
	return d.Listener.Accept()
}

func (d *drained) Drain(time.Time) error {
	close(d.told)
	return d.Close()
}

// TestEveryListenerDrains: the server of each protocol calls Drain of its listener, so that the
// connections in the queue are served.
func TestEveryListenerDrains(t *testing.T) {
	for _, protocol := range []string{"http", "fastcgi", "scgi", "auto"} {
		for _, std := range []bool{false, true} {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := &drained{Listener: inner, served: make(chan struct{}), told: make(chan struct{})}
			app := gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return nil })
			s, err := Config{App: app, StdFastCGI: std}.newServers()
			if err != nil {
				t.Fatal(err)
			}
			s.start(listener{l, protocol})
			<-l.served
			if err := s.drain(context.Background(), 20*time.Second); err != nil {
				t.Errorf("%s: %v", protocol, err)
			}
			select {
			case <-l.told:
			default:
				t.Errorf("%s, over the standard library %t: the listener was closed without draining", protocol, std)
			}
		}
	}
}
