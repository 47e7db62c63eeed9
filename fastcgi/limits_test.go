package fastcgi_test

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

const (
	complete = iota
	cannotMultiplex
	overloaded
	unknownRole
)

// refused checks that the next record refuses a request.
func (c *client) refused(id uint16, status byte) {
	c.t.Helper()
	want := record{typeEnd, id, string([]byte{0, 0, 0, 0, status, 0, 0, 0})}
	if got := c.next(); got != want {
		c.t.Errorf("got %+v; want %+v", got, want)
	}
}

// TestMaxRequests: F20, a request above the limit is refused, on the connection of another and on
// its own.
func TestMaxRequests(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p, MaxRequests: 1})
		first := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		first.send(get(2, keepConn, "/")).refused(2, overloaded)
		second := dial(t, srv.addr).send(get(1, 0, "/"), get(2, 0, "/"))
		second.refused(1, overloaded)
		second.ended()
		close(p.release)
		first.whole(1)
		first.send(get(3, keepConn, "/")).whole(3)
		srv.stop(t)
		if srv.log.lines() != 1 {
			t.Errorf("logged %q; want one line", srv.log)
		}
	})
}

func TestMaxConns(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		p := park()
		srv := start(t, &fastcgi.Server{App: p, MaxConns: 1})
		first := dial(t, srv.addr).send(get(1, keepConn, "/"))
		wait(t, p.called, "the App")
		second := dial(t, srv.addr).send(rec(typeGetValues, 0, ""), get(7, keepConn, "/"))
		second.refused(7, overloaded)
		second.ended()
		close(p.release)
		first.whole(1)
	})
}

// TestManyOpenRequests is golang/go#81548: requests whose variables never end. All but 128 are
// refused.
func TestManyOpenRequests(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := startApp(t, hello)
		c := dial(t, srv.addr)
		const requests, most = 65535, 128
		go func() {
			for first := 1; first <= requests; first += 1000 {
				var text strings.Builder
				for id := first; id < first+1000 && id <= requests; id++ {
					text.WriteString(begin(uint16(id), responder, keepConn) + rec(typeParams, uint16(id), "\x7f"))
				}
				io.WriteString(c, text.String())
			}
		}()
		for id := most + 1; id <= requests; id++ {
			c.refused(uint16(id), overloaded)
		}
		if got := srv.CurrentRequests(); got != most {
			t.Errorf("%d requests are open; want %d", got, most)
		}
		for id := 1; id <= most; id++ {
			c.send(rec(typeAbort, uint16(id), "")).refused(uint16(id), complete)
		}
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
	})
}

// TestParamsOverTheirBounds checks that a request with too many or too large variables is answered
// when they have ended (F9, F22), and that the connection goes on.
func TestParamsOverTheirBounds(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		app, err := gateway.WithFields(gateway.AppFunc(hello), "X-Own: yes")
		if err != nil {
			t.Fatal(err)
		}
		srv := start(t, &fastcgi.Server{App: gateway.Identify(app), MaxParamsBytes: 1000, MaxParams: 20})
		c := dial(t, srv.addr)
		for _, raw := range []string{
			pairs("A", strings.Repeat("x", 1000)),
			strings.Repeat("\x00\x01x", 21),
			strings.Repeat("x", 65535), // not even pairs
		} {
			c.send(begin(1, responder, keepConn))
			for rest := raw; rest != ""; {
				n := min(len(rest), 600)
				c.send(rec(typeParams, 1, rest[:n]))
				rest = rest[n:]
			}
			got := c.ask("") // what comes first was not held back
			if got.kind != typeGetValuesResult {
				t.Errorf("%.20q: got %+v before the variables had ended", raw, got)
			}
			out := c.send(rec(typeParams, 1, ""), rec(typeStdin, 1, "")).whole(1)
			if !strings.HasPrefix(out, "Status: 431 ") {
				t.Errorf("%.20q: got %q; want 431", raw, out)
			}
			if !strings.Contains(out, "\r\nX-Own: yes\r\n") || !strings.Contains(out, "\r\nX-Request-ID: ") {
				t.Errorf("%.20q: got %q; want the fields of all responses", raw, out)
			}
		}
		if got := body(c.send(get(1, keepConn, "/next")).whole(1)); got != "hello /next" {
			t.Errorf("the next request got %q", got)
		}
		if len(reasons(srv.log.String())) != 1 {
			t.Errorf("logged %q; want one line", srv.log)
		}
	})
}

// TestParamsOfAConnection fills the requests of one connection up to their common bound.
func TestParamsOfAConnection(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), MaxParamsBytes: 1000})
		c := dial(t, srv.addr)
		piece := strings.Repeat("x", 900)
		for id := uint16(1); id <= 17; id++ {
			c.send(begin(id, responder, keepConn), rec(typeParams, id, piece))
		}
		c.send(begin(18, responder, keepConn), rec(typeParams, 18, piece)).refused(18, overloaded)
		c.send(rec(typeAbort, 1, "")).refused(1, complete)
		if got := body(c.send(get(19, keepConn, "/next")).whole(19)); got != "hello /next" {
			t.Errorf("with room again: got %q", got)
		}
	})
}

func TestNoBounds(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(echo), MaxParamsBytes: -1, MaxParams: -1, ReadTimeout: -1, WriteTimeout: -1})
		text := begin(1, responder, 0) + rec(typeParams, 1, required)
		for range 10 {
			text += rec(typeParams, 1, strings.Repeat(pairs("A", strings.Repeat("x", 200)), 300))
		}
		got := dial(t, srv.addr).send(text, rec(typeParams, 1, ""), rec(typeStdin, 1, "")).whole(1)
		if n := strings.Count(got, "A=x"); n != 3000 {
			t.Errorf("got %d variables; want 3000", n)
		}
	})
}

func TestMaxBodyBytes(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{MaxBodyBytes: 4, App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
			_, err := io.Copy(w, r.Stdin)
			return err
		})})
		for _, c := range []struct{ length, body, want string }{
			{"4", "body", "Status: 200 "}, {"5", "body5", "Status: 413 "}, {"", "body", "Status: 200 "}, {"", "body5", "Status: 413 "},
		} {
			a := dial(t, srv.addr).send(head(1, 0, "CONTENT_LENGTH", c.length), rec(typeStdin, 1, c.body), rec(typeStdin, 1, "")).answers(1)[1]
			if !strings.HasPrefix(a.stdout, c.want) {
				t.Errorf("%q of length %q: got %q; want %q", c.body, c.length, a.stdout, c.want)
			}
		}
	})
}

func TestAllowedPeers(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		srv := startOn(t, l, &fastcgi.Server{App: gateway.AppFunc(hello), AllowedPeers: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
		if r, err := dial(t, srv.addr).read(); err == nil {
			t.Errorf("got %+v; want no connection", r)
		}
	})
}

func TestAllowedUIDs(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), AllowedUIDs: []int{os.Getuid() + 1}})
		if r, err := dial(t, srv.addr).read(); !errors.Is(err, io.EOF) && !gateway.PeerGone(err) {
			t.Errorf("got %+v, %v; want no connection", r, err)
		}
	})
}
