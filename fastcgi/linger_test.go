package fastcgi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// TestLingeringAnswersNothing has management records after the last response of a connection. They
// must not end its lingering, because that would reset the connection of a peer that has not read
// the response yet.
func TestLingeringAnswersNothing(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		for _, late := range []string{rec(typeGetValues, 0, ""), rec(200, 0, ""), begin(2, responder, 0), get(2, 0, "/")} {
			srv := startApp(t, hello)
			c := dial(t, srv.addr).send(get(1, 0, "/"))
			c.whole(1)
			c.ended()
			c.send(late)
			for range 64 { // more than a socket holds: somebody must still be reading
				c.send(rec(typeStdin, 1, strings.Repeat("x", 65535)))
			}
			srv.stop(t)
			if srv.log.lines() != 0 {
				t.Errorf("%.2q: logged %q", late, srv.log)
			}
		}
	})
}

// TestLingeringEnds has a web server that never closes its side.
func TestLingeringEnds(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		srv := startApp(t, hello)
		c := dial(t, srv.addr).send(get(1, 0, "/"))
		c.whole(1)
		c.ended()
		for end := time.Now().Add(patience); srv.Stats().Active+srv.Stats().Idle > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the connection is still open")
			}
		}
	})
}

// TestSlowRecord has a peer that sends a record that means nothing, a byte at a time: the whole of
// it is bounded.
func TestSlowRecord(t *testing.T) {
	t.Parallel()
	bothEngines(t, func(t *testing.T) {
		t.Parallel()
		for _, header := range []string{rec(typeStdin, 9, strings.Repeat("x", 65535))[:8], rec(99, 0, strings.Repeat("x", 65535))[:8]} {
			srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), ReadTimeout: 300 * time.Millisecond})
			c := dial(t, srv.addr).send(header)
			tick := time.NewTicker(5 * time.Millisecond)
			defer tick.Stop()
			began := time.Now()
			for range tick.C {
				if _, err := c.Write([]byte("x")); err != nil {
					break
				}
				if time.Since(began) > patience/2 {
					t.Error("the connection is still open")
					break
				}
			}
			if srv.stop(t); srv.log.lines() != 1 || !strings.Contains(srv.log.String(), "ReadTimeout") {
				t.Errorf("logged %q; want the reason", srv.log)
			}
		}
	})
}
