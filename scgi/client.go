package scgi

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Client is the web server's side: a [gateway.Backend] that calls an SCGI application, on a new
// connection for each request (SCGI section 4). Only Addr must be set; the other fields bound what
// the Client uses and how long it waits. The fields must not change after the first use. All
// methods may be called at the same time. A Client must not be copied.
//
// The environ is sent as it is, in order, except that CONTENT_LENGTH and SCGI are sent first. The
// body is sent while the response is read, so an application may answer early. The part of the body
// that it has not read by then is not sent. A Stdin in memory (*bytes.Buffer, *bytes.Reader,
// *strings.Reader) of up to 32 KiB is sent together with the head of the request, which saves a
// goroutine.
//
// SCGI does not mark the end of a response. If a response has no Content-Length, the Client cannot
// see that the application closed the connection too early, unless the application resets the
// connection, as [Server] does. A body longer than its Content-Length is cut, and a shorter one is
// an error. A response may begin with a status line of HTTP/1.x instead of Status.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme scgi
	// or none: "127.0.0.1:4000", "scgi+unix:/run/app.sock". It must be set.
	Addr string

	// Fallback are further addresses, tried in order when Addr refuses the connection. They do not
	// balance the load: a new connection tries Addr first, and for 5 seconds last after Addr could
	// not be reached. See transport.Health.
	Fallback []string

	// MaxConns bounds the open connections, and so the requests at the same time. A request above
	// the bound waits. Zero and negative are no bound.
	MaxConns int

	// WaitTimeout bounds how long a request waits because of MaxConns. One that waits longer fails
	// with 503. Zero is 60 seconds. Negative is no bound but the request's context.
	WaitTimeout time.Duration

	// Connect, if not nil, makes the connections in place of the DialContext of a net.Dialer, which
	// has the same arguments: for a tunnel, or to count, time or record connections. Network is
	// "tcp" or "unix", and ctx ends after DialTimeout. A unix socket whose queue is full (EAGAIN on
	// Linux) is tried again within that time. All bytes pass through Read and Write of a type that
	// embeds the interface net.Conn. Those of a type that embeds a *net.TCPConn or a *net.UnixConn
	// may be bypassed, since it has the methods of the descriptor too.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)

	// DialTimeout bounds the wait for a connection, for each address. Zero is 10 seconds. Negative
	// is no bound.
	DialTimeout time.Duration

	// WriteTimeout bounds each wait until the application reads more of the request. Zero is 60
	// seconds. Negative is no bound. WriteTimeout, FirstByteTimeout and ReadTimeout may take an
	// eighth longer.
	WriteTimeout time.Duration

	// FirstByteTimeout bounds the wait for the first byte of the response, from the end of the
	// request. Zero is 60 seconds. Negative is no bound.
	FirstByteTimeout time.Duration

	// ReadTimeout bounds each later wait for more of the response. Zero is 60 seconds. Negative is
	// no bound.
	ReadTimeout time.Duration

	// MaxHeadBytes bounds the head of the response. Zero and negative are 64 KiB.
	MaxHeadBytes int

	// MaxConns bounds its slots. Its lock guards the two fields below.
	health   transport.Health
	line     exchange.Line[struct{}]
	requests uint64
	calls    map[*call]bool // under way
}

// ErrClientClosed is wrapped by the error of an exchange that Close has ended, or that begins after
// Close.
var ErrClientClosed = errors.New("scgi: Client is closed")

// RoundTrip implements [gateway.Backend].
//
// The error is a [*gateway.BackendError] of 502 if the application cannot be reached or closes the
// connection too early; of 504 if it is too slow; and of 503 if MaxConns leaves no room. It is a
// [*gateway.ServerError] of 503 if this system can open no more connections. If the request's
// context has ended, the error is [gateway.ContextError], and nothing more is sent. If the body
// cannot be read or is shorter than CONTENT_LENGTH, the error is a [*gateway.BodyError].
//
// SCGI needs the length of the body. Without CONTENT_LENGTH, RoundTrip reads one byte of Stdin. If
// Stdin is empty, the length is zero; otherwise the error is [gateway.ErrLengthRequired]. If
// CONTENT_LENGTH is not a number or a variable contains a NUL, the error is a
// [*gateway.RequestError].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	length, err := exchange.KnownLength(r)
	if err != nil {
		return nil, err
	}
	message, err := appendHead(make([]byte, 0, 2<<10), r.Environ, length)
	if err != nil {
		return nil, err
	}
	body := r.Stdin
	if length == 0 {
		body = nil
	} else if inMemory(body, length) {
		if message, err = appendBody(message, body, length); err != nil {
			return nil, err
		}
		body = nil
	}
	x, err := c.dial(r)
	if err != nil {
		return nil, err
	}
	return x.roundTrip(message, body, length)
}

// inMemory reports whether a body is in memory and short.
func inMemory(body io.Reader, length int64) bool {
	_, ok := exchange.InMemory(body)
	return ok && length <= 32<<10
}

// appendBody appends a body of length bytes.
func appendBody(dst []byte, body io.Reader, length int64) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, length)...)
	if _, err := io.ReadFull(body, dst[start:]); err != nil {
		return nil, bodyError(err)
	}
	return dst, nil
}

// dial reserves a slot, makes a connection and begins an exchange on it.
func (c *Client) dial(r *gateway.Request) (*call, error) {
	if err := c.reserve(r.Context()); err != nil {
		return nil, err
	}
	d := transport.Dialer{
		Protocol:         "scgi",
		Addr:             c.Addr,
		Fallback:         c.Fallback,
		Health:           &c.health,
		Connect:          c.Connect,
		DialTimeout:      c.DialTimeout,
		WriteTimeout:     c.WriteTimeout,
		FirstByteTimeout: c.FirstByteTimeout,
		ReadTimeout:      c.ReadTimeout,
	}
	conn, err := d.Dial(r.Context())
	if err != nil {
		c.line.Leave()
		return nil, err
	}
	return c.newCall(conn, r)
}

// Close closes all connections. Exchanges under way and later ones fail with a
// [*gateway.ServerError] of 503 that wraps [ErrClientClosed]. It returns nil.
func (c *Client) Close() error {
	c.line.Lock()
	c.line.Close(closedError())
	calls := slices.Collect(maps.Keys(c.calls))
	c.line.Unlock()
	for _, x := range calls {
		x.closeWith(closedError())
	}
	return nil
}

// ClientStats counts a Client's requests.
type ClientStats struct {
	Requests uint64 // requests begun
	Active   int    // requests that have a connection, or are dialing it
	Waiting  int    // requests that wait for MaxConns
}

// Stats returns the current figures.
func (c *Client) Stats() ClientStats {
	c.line.Lock()
	defer c.line.Unlock()
	return ClientStats{Requests: c.requests, Active: c.line.Taken(), Waiting: c.line.Waiting()}
}
