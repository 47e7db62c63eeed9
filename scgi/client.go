package scgi

import (
	"context"
	"errors"
	"io"
	"net"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Client is the web server's side: a [gateway.Backend] that calls an SCGI application, on a new
// connection for each request (SCGI section 4). A Client with an Addr works; its other fields say
// how much it may use and how long it waits. The fields must not change once it is used, all
// methods may be called at the same time, and a Client must not be copied.
//
// The environ is sent as it is, in order, but for CONTENT_LENGTH and SCGI, which go first. The body
// is sent while the response is read, so an application may answer early; what it has not taken
// then is not sent. Up to 32 KiB of a Stdin in memory (*bytes.Buffer, *bytes.Reader,
// *strings.Reader) are sent with the head of the request, which saves a goroutine.
//
// SCGI has no mark at the end of a response: where that has no Content-Length, an application that
// closes in the middle cannot be told from one that is done, unless it resets the connection as
// [Server] does. A body that is longer than its Content-Length is cut, a shorter one is an error. A
// response may begin with the status line of HTTP/1.x in place of Status.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme scgi
	// or none: "127.0.0.1:4000", "scgi+unix:/run/app.sock". It must be set.
	Addr string

	// Fallback are further addresses, tried in turn when Addr refuses the connection. They are no
	// balancing: every connection tries Addr first.
	Fallback []string

	// MaxConns bounds the open connections, and so the requests at the same time. A request over it
	// waits. Zero and negative are no bound.
	MaxConns int

	// WaitTimeout bounds the wait of a request under MaxConns; one that waits longer fails with
	// 503. Zero is 60 seconds, negative no bound but the request's context.
	WaitTimeout time.Duration

	// Connect, if not nil, makes the connections in place of the DialContext of a net.Dialer, which
	// has the same arguments: for a tunnel, or to count, time or record connections. Network is
	// "tcp" or "unix", and ctx ends after DialTimeout. A unix socket whose queue is full (EAGAIN on
	// Linux) is tried again within that time.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)

	// DialTimeout bounds the wait for a connection, for each address. Zero is 10 seconds, negative
	// no bound.
	DialTimeout time.Duration

	// WriteTimeout bounds each wait for the application to take some more of the request. Zero is
	// 60 seconds, negative no bound. This and the next two may take an eighth longer.
	WriteTimeout time.Duration

	// FirstByteTimeout bounds the wait for the first byte of the answer, from the end of the
	// request. Zero is 60 seconds, negative no bound.
	FirstByteTimeout time.Duration

	// ReadTimeout bounds each further wait for more of the answer. Zero is 60 seconds, negative no
	// bound.
	ReadTimeout time.Duration

	// MaxHeadBytes bounds the head of the response. Zero and negative are 64 KiB.
	MaxHeadBytes int

	// its slots are what MaxConns counts; its lock guards the two below
	line     exchange.Line[struct{}]
	requests uint64
	calls    map[*call]bool // under way
}

// ErrClientClosed is what RoundTrip fails with after Close.
var ErrClientClosed = errors.New("scgi: Client is closed")

// RoundTrip implements [gateway.Backend].
//
// An application that cannot be reached or breaks off is a [*gateway.BackendError] of 502, one that
// is too slow of 504, one that has no room under MaxConns of 503, as is a system on this side that
// can open no more connections. Where the request's context has ended, the error is
// [gateway.ContextError], and nothing is sent that was not sent before. A body that cannot be read,
// or is shorter than CONTENT_LENGTH, ends the exchange with a [*gateway.BodyError].
//
// SCGI needs the length of the body. Without CONTENT_LENGTH, RoundTrip reads one byte of Stdin: at
// its end the length is zero, and otherwise the error is [gateway.ErrLengthRequired]. One that is
// no number, and a NUL in a variable, is a [*gateway.RequestError].
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
	x, err := c.open(r)
	if err != nil {
		return nil, err
	}
	return x.roundTrip(message, body, length)
}

// inMemory reports whether a body need not be waited for and is short.
func inMemory(body io.Reader, length int64) bool {
	_, ok := exchange.InMemory(body)
	return ok && length <= 32<<10
}

func appendBody(dst []byte, body io.Reader, length int64) ([]byte, error) {
	start := len(dst)
	dst = append(dst, make([]byte, length)...)
	if _, err := io.ReadFull(body, dst[start:]); err != nil {
		return nil, bodyError(err)
	}
	return dst, nil
}

func (c *Client) open(r *gateway.Request) (*call, error) {
	if err := c.reserve(r.Context()); err != nil {
		return nil, err
	}
	d := transport.Dialer{
		Protocol:         "scgi",
		Addr:             c.Addr,
		Fallback:         c.Fallback,
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

// Close closes all connections: exchanges under way fail, and so do later ones, with
// [ErrClientClosed]. It returns nil.
func (c *Client) Close() error {
	c.line.Lock()
	defer c.line.Unlock()
	for x := range c.calls {
		x.Call.Close() // its reader finds out
	}
	c.line.Close(closedError())
	return nil
}

// ClientStats are a Client's requests in figures.
type ClientStats struct {
	Requests uint64 // begun
	Active   int    // that have a connection, or are about to
	Waiting  int    // for one
}

// Stats returns the figures of this moment.
func (c *Client) Stats() ClientStats {
	c.line.Lock()
	defer c.line.Unlock()
	return ClientStats{Requests: c.requests, Active: c.line.Taken(), Waiting: c.line.Waiting()}
}
