package fastcgi_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// Each of these tests is a mistake that the engine had, told by the subject of the commit that put
// it right.

// TestParamsBesideAnEnd has requests end while the variables of another come: under -race, all
// count against one bound.
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
		c.send(rec(typeParams, others+1, required), rec(typeParams, others+1, ""), rec(typeStdin, others+1, ""))
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

// lastRead is a listener whose connections give the last of size bytes together with io.EOF, as a
// tls.Conn may.
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

// endlessApps are Apps that write without an end, in records of several sizes.
func endlessApps(t *testing.T) map[string]gateway.AppFunc {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := errors.Join(os.WriteFile(name, nil, 0o600), os.Truncate(name, 1<<40)); err != nil {
		t.Fatal(err)
	}
	write := func(size int) gateway.AppFunc {
		return func(w gateway.ResponseWriter, r *gateway.Request) (err error) {
			for err == nil {
				w.Write(make([]byte, size))
				err = w.Flush()
			}
			return err
		}
	}
	return map[string]gateway.AppFunc{"small": write(1000), "large": write(300_000),
		"file": func(w gateway.ResponseWriter, r *gateway.Request) error {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = io.Copy(w, f)
			return err
		}}
}

// seenBroken reads on to the end, which must be the mark or a reset: nginx takes a plain one,
// within a record too, for the end of the response.
func (c *client) seenBroken() {
	c.t.Helper()
	in := bufio.NewReaderSize(c, 64<<10)
	for {
		h, err := in.Peek(8)
		if err == nil && string(h) != "\xff\xff\xff\xff\xff\xff\xff\xff" {
			if _, err = in.Discard(8 + int(binary.BigEndian.Uint16(h[4:])) + int(h[6])); err == nil {
				continue
			}
		}
		if err != nil && !gateway.PeerGone(err) {
			c.t.Errorf("a response that is not whole ends with %v", err)
		}
		return
	}
}

// listenOn listens on a socket of that network.
func listenOn(t *testing.T, network string) net.Listener {
	t.Helper()
	address := "127.0.0.1:0"
	if network == "unix" {
		dir, err := os.MkdirTemp("", "fcgi") // a socket's path must be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		address = filepath.Join(dir, "s")
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// onEndless runs a test with a listener of each kind, for each of the streams.
func onEndless(t *testing.T, test func(t *testing.T, l net.Listener, stream string, app gateway.AppFunc)) {
	bothEngines(t, func(t *testing.T) {
		for stream, app := range endlessApps(t) {
			for _, network := range []string{"unix", "tcp"} {
				t.Run(network+" "+stream, func(t *testing.T) {
					test(t, listenOn(t, network), stream, app)
				})
			}
		}
	})
}

// TestCloseOfAStream closes the server while records are being written.
func TestCloseOfAStream(t *testing.T) {
	onEndless(t, func(t *testing.T, l net.Listener, _ string, app gateway.AppFunc) {
		srv := startOn(t, l, &fastcgi.Server{App: app})
		c := dial(t, l.Addr()).send(get(1, 0, "/"))
		c.next()
		go srv.Close()
		c.seenBroken()
	})
}

// TestUnreadStream has a peer that reads on when WriteTimeout is over.
func TestUnreadStream(t *testing.T) {
	onEndless(t, func(t *testing.T, l net.Listener, stream string, app gateway.AppFunc) {
		if l.Addr().Network() == "unix" && stream != "small" {
			l.Close() // how much more a socket takes is the system's to say
			return
		}
		srv := startOn(t, l, &fastcgi.Server{App: app, WriteTimeout: 30 * time.Millisecond})
		c := dial(t, l.Addr()).send(get(1, 0, "/"))
		c.next()
		waitUntil(t, "the end of the request", func() bool { return srv.CurrentRequests() == 0 })
		c.seenBroken()
	})
}

// TestErrorBehindARequest has a request and a violation of the protocol come at once: the
// connection is closed, and no App begins what it could not end.
func TestErrorBehindARequest(t *testing.T) {
	srv := startApp(t, func(w gateway.ResponseWriter, r *gateway.Request) error {
		t.Error("the App was called")
		return nil
	})
	for range 20 {
		c := dial(t, srv.addr).send(get(1, keepConn, "/") + rec(typeParams, 1, "A"))
		if r, err := c.read(); err != io.EOF && !gateway.PeerGone(err) {
			t.Errorf("read %+v, %v; want the end of the connection", r, err)
		}
	}
}
