package fastcgi_test

import (
	"io"
	"math"
	"net"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// Each of these tests is a mistake that the engine had, told by the subject of the commit that put it right.

// TestParamsBesideAnEnd has requests end while the variables of another come: under -race, all count against one bound.
func TestParamsBesideAnEnd(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		const others = 40
		p := &parked{make(chan struct{}, others+1), make(chan struct{}), make(chan error, others+1)}
		srv := start(t, &fastcgi.Server{App: p, MaxParams: -1})
		c := dial(t, srv.addr)
		for id := range uint16(others) {
			c.send(get(id+1, keepConn, "/"))
		}
		for range others {
			wait(t, p.called, "the App")
		}
		c.send(begin(others+1, responder, keepConn))
		for range others {
			c.send(strings.Repeat(rec(typeParams, others+1, pairs("A", "B")), 300))
			p.release <- struct{}{}
		}
		close(p.release)
		c.send(rec(typeParams, others+1, ""))
		c.answers(others + 1)
	})
}

// TestHugeMaxParamsBytes has a bound that cannot be multiplied.
func TestHugeMaxParamsBytes(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), MaxParamsBytes: math.MaxInt64})
		if got := body(dial(t, srv.addr).send(get(1, keepConn, "/")).whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
	})
}

// TestUnreadAnswers has a peer that asks and does not read. The log tells so, and nothing else.
func TestUnreadAnswers(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		srv := start(t, &fastcgi.Server{App: gateway.AppFunc(hello), WriteTimeout: 50 * time.Millisecond})
		questions := strings.Repeat(rec(typeGetValues, 0, pairs("FCGI_MAX_CONNS", "")), 100_000)
		if _, err := io.WriteString(dial(t, srv.addr), questions); err == nil {
			t.Error("the connection is still open")
		}
		srv.stop(t)
		if srv.log.lines() != 1 || !strings.Contains(srv.log.String(), "WriteTimeout") {
			t.Errorf("logged %q; want one line", srv.log)
		}
	})
}

// lastRead is a listener whose connections give the last of size bytes together with io.EOF, as a tls.Conn may.
type lastRead struct {
	net.Listener
	size int
}

func (l lastRead) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lastReadConn{nc, iotest.DataErrReader(io.LimitReader(nc, int64(l.size)))}, nil
}

type lastReadConn struct {
	net.Conn
	r io.Reader
}

func (c *lastReadConn) Read(p []byte) (int, error) { return c.r.Read(p) }

// TestDataBesideItsEnd has a request come together with the end of the connection.
func TestDataBesideItsEnd(t *testing.T) {
	bothEngines(t, func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		request := get(1, 0, "/")
		srv := startOn(t, lastRead{l, len(request)}, &fastcgi.Server{App: gateway.AppFunc(hello)})
		if got := body(dial(t, srv.addr).send(request).whole(1)); got != "hello /" {
			t.Errorf("got %q", got)
		}
	})
}
