package scgi

import (
	"cmp"
	"context"
	"io"
	"net"
	"strconv"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Client is the web server's side: a [gateway.Backend] that calls an SCGI application, on a new connection for each request
// (SCGI section 4). Its fields must not change while it is used; any number of goroutines may use it.
//
// The environ is sent as it is, in order, but for CONTENT_LENGTH and SCGI, which go first. SCGI has no mark at the end of a
// response: where that has no Content-Length, an application that closes in the middle cannot be told from one that is done,
// unless it resets the connection as [Server] does.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme scgi or none:
	// "127.0.0.1:4000", "scgi+unix:/run/app.sock". It must be set.
	Addr string

	// DialTimeout bounds the wait for a connection. Zero is 10 seconds, negative is no bound.
	DialTimeout time.Duration

	// ReadTimeout bounds each wait for more of the response, its first byte included; WriteTimeout each wait for the
	// application to take some more of the request. Zero is 60 seconds, negative is no bound.
	ReadTimeout  time.Duration
	WriteTimeout time.Duration

	// MaxHeadBytes bounds the head of the response. Zero and negative are 64 KiB.
	MaxHeadBytes int
}

const defaultDialTimeout = 10 * time.Second

// RoundTrip implements [gateway.Backend]. The body is sent while the response is read, so an application may answer early.
// An application that cannot be reached or breaks off is a [*gateway.BackendError] of 502, one that is too slow of 504; where
// the request's context ended, the error wraps its reason.
//
// SCGI needs the length of the body. Without CONTENT_LENGTH, RoundTrip reads one byte of Stdin: at its end the length is zero,
// and otherwise the error is [gateway.ErrLengthRequired].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	length, err := bodyLength(r)
	if err != nil {
		return nil, err
	}
	head, err := appendHead(nil, r.Environ, length)
	if err != nil {
		return nil, err
	}
	nc, err := c.dial(r.Context())
	if err != nil {
		return nil, unreachable(r.Context(), err)
	}
	x := &call{
		net:          nc,
		ctx:          r.Context(),
		readTimeout:  cmp.Or(c.ReadTimeout, defaultTimeout),
		writeTimeout: cmp.Or(c.WriteTimeout, defaultTimeout),
		unwatch:      context.AfterFunc(r.Context(), func() { nc.Close() }),
	}
	x.send(head, r.Stdin, length)
	resp, err := gateway.ReadResponse(x, c.MaxHeadBytes)
	if err != nil {
		return nil, err
	}
	resp.Body = &declaredBody{ReadCloser: resp.Body, left: declaredLength(r, resp)}
	return resp, nil
}

// bodyLength finds out how long the body is.
func bodyLength(r *gateway.Request) (int64, error) {
	declared := r.Environ.Get("CONTENT_LENGTH")
	if declared == "" {
		if r.Stdin == nil {
			return 0, nil
		}
		if _, err := io.ReadFull(r.Stdin, make([]byte, 1)); err != io.EOF {
			return 0, cmp.Or(err, gateway.ErrLengthRequired)
		}
		return 0, nil
	}
	n, err := strconv.ParseUint(declared, 10, 63)
	if err != nil || n > 0 && r.Stdin == nil {
		return 0, &gateway.RequestError{Reason: "malformed CONTENT_LENGTH", Input: declared[:min(len(declared), 64)]}
	}
	return int64(n), nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	a, err := listen.ParseFor("scgi", c.Addr)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: max(cmp.Or(c.DialTimeout, defaultDialTimeout), 0)}
	switch a.Network {
	case "tcp":
		return d.DialContext(ctx, "tcp", net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))))
	case "unix":
		return d.DialContext(ctx, "unix", a.Path)
	}
	return nil, &listen.AddressError{Input: c.Addr, Reason: "is nothing that can be called: write HOST:PORT or unix:/PATH"}
}
