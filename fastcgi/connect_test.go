package fastcgi_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// countedConn embeds the interface, and so does not have the methods of the descriptor.
type countedConn struct {
	net.Conn
	read, written *atomic.Int64
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

// TestClientUsesItsConnection: all bytes pass through Read and Write of a connection that Connect
// has made.
func TestClientUsesItsConnection(t *testing.T) {
	const size = 200_000
	srv := start(t, &fastcgi.Server{App: gateway.AppFunc(func(w gateway.ResponseWriter, r *gateway.Request) error {
		body, err := io.ReadAll(r.Stdin)
		if err != nil {
			return err
		}
		w.Headers().Set("Content-Type", "text/plain")
		_, err = w.Write(body)
		return err
	})})
	defer srv.stop(t)
	var read, written atomic.Int64
	client := &fastcgi.Client{Addr: srv.addr.String(), Connect: func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return countedConn{nc, &read, &written}, nil
	}}
	defer client.Close()
	e := util.NewEnviron()
	e.Set("REQUEST_METHOD", "POST")
	e.Set("CONTENT_LENGTH", strconv.Itoa(size))
	response, err := client.RoundTrip(&gateway.Request{Environ: e, Stdin: bytes.NewReader(make([]byte, size)), ContentLength: size})
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || len(body) != size {
		t.Fatalf("got %d bytes, %v; want %d", len(body), err, size)
	}
	if read.Load() <= size || written.Load() <= size {
		t.Errorf("Read had %d bytes, and Write %d; want more than %d each", read.Load(), written.Load(), size)
	}
}
