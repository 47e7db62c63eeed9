package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/nettest"
)

// refused returns an address on which no program listens.
func refused(t *testing.T) string {
	t.Helper()
	l := listenLoopback(t)
	l.Close()
	return l.Addr().String()
}

func TestDialer(t *testing.T) {
	l := listenLoopback(t)
	path := nettest.SocketPath(t)
	u, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	for _, test := range []struct {
		name     string
		addr     string
		fallback []string
		want     net.Addr
	}{
		{"tcp", l.Addr().String(), nil, l.Addr()},
		{"tcp with its protocol", "scgi://" + l.Addr().String(), nil, l.Addr()},
		{"unix", "unix:" + path, nil, u.Addr()},
		{"unix with its protocol", "scgi+unix:" + path, nil, u.Addr()},
		{"the first of two", l.Addr().String(), []string{"unix:" + path}, l.Addr()},
		{"the third of four", refused(t), []string{"unix:/no/such/socket", "unix:" + path, l.Addr().String()}, u.Addr()},
		{"one after a bad address", "fd:0", []string{l.Addr().String()}, l.Addr()},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &Dialer{Protocol: "scgi", Addr: test.addr, Fallback: test.fallback}
			c, err := d.Dial(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if got := c.RemoteAddr(); got.String() != test.want.String() {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

func TestDialerFailures(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Unix(1, 0))
	defer cancel()
	for _, test := range []struct {
		name     string
		ctx      context.Context
		addr     string
		fallback []string
		status   int
		text     string
	}{
		{"nothing listens", context.Background(), refused(t), nil, 502, "cannot be reached"},
		{"none of two", context.Background(), refused(t), []string{"unix:/no/such/socket"}, 502, "/no/such/socket"},
		{"no address", context.Background(), "", nil, 502, "is empty"},
		{"no address to connect to", context.Background(), "fd:0", nil, 502, "not an address to connect to"},
		{"a folder", context.Background(), "files:/srv", nil, 502, "files"},
		{"another protocol", context.Background(), "fastcgi://127.0.0.1:1", nil, 502, "has the protocol fastcgi"},
		{"given up", ended, "127.0.0.1:1", []string{"127.0.0.1:2"}, 499, "given up"},
		{"too late", late, "127.0.0.1:1", nil, 504, "in time"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &Dialer{Protocol: "scgi", Addr: test.addr, Fallback: test.fallback}
			_, err := d.Dial(test.ctx)
			if status, _ := gateway.ErrorPage(err); status[:3] != strconv.Itoa(test.status) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v, which is %q; want %d with %q", err, status, test.status, test.text)
			}
		})
	}
}

func TestFailure(t *testing.T) {
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	closing, end := context.WithCancelCause(context.Background())
	end(gateway.ErrServerClosed)
	for _, test := range []struct {
		ctx    context.Context
		err    error
		status int
		is     error
	}{
		{context.Background(), io.EOF, 502, io.ErrUnexpectedEOF},
		{context.Background(), syscall.ECONNRESET, 502, syscall.ECONNRESET},
		{context.Background(), os.ErrDeadlineExceeded, 504, os.ErrDeadlineExceeded},
		{ended, io.EOF, 499, gateway.ErrClientGone},
		{closing, io.EOF, 503, gateway.ErrServerClosed},
	} {
		got := Failure(test.ctx, test.err)
		if status, _ := gateway.ErrorPage(got); status[:3] != strconv.Itoa(test.status) || !errors.Is(got, test.is) {
			t.Errorf("%v: got %v, which is %q; want %d with %v", test.err, got, status, test.status, test.is)
		}
	}
}

// TestDialerConnect: connections come from Connect where it is set, for each kind of address.
func TestDialerConnect(t *testing.T) {
	for addr, want := range map[string]string{"127.0.0.1:1": "tcp 127.0.0.1:1", "unix:/no/such": "unix /no/such"} {
		near, far := net.Pipe()
		defer far.Close()
		got := ""
		d := &Dialer{Protocol: "scgi", Addr: addr, Connect: func(ctx context.Context, network, address string) (net.Conn, error) {
			if _, bounded := ctx.Deadline(); !bounded {
				t.Error("the context has no deadline; want DialTimeout")
			}
			got = network + " " + address
			return near, nil
		}}
		c, err := d.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c.Close(); got != want || c.Conn != near {
			t.Errorf("%s: got %q; want %q and its connection", addr, got, want)
		}
	}
}
