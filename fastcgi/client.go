package fastcgi

import (
	"cmp"
	"context"
	"net"
	"time"

	"github.com/cgikit/cgikit/fastcgi/internal/client"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Client is the web server's side: a [gateway.Backend] that calls a FastCGI application, such as
// php-fpm. A Client with an Addr works; its other fields say how much it may use and how long it
// waits. The fields must not change once it is used, all methods may be called at the same time,
// and a Client must not be copied.
//
//	backend := &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}
//	app := gateway.Forward(backend)
//
// # Connections
//
// Each request has a connection of its own unless MaxIdleConns says that connections are kept, as
// with nginx, Apache and Caddy. A kept connection saves the cost of a new one, about half of a
// small exchange. But php-fpm, FCGI.pm and all that is built on libfcgi bind a worker to a
// connection: until it is closed, that worker answers no other connection, a request that is sent
// over it waits for what the worker does after its last response (fastcgi_finish_request), and the
// worker may not end when it is told to. Keep connections to applications that answer several at
// the same time, such as [Server] and programs on net/http/fcgi: [Client.Values] asks for
// FCGI_MPXS_CONNS, which such applications answer with 1.
//
// A connection is used again only after a complete response and a complete request, when nothing
// was left over and nothing has come since; each request on it has another id, so that late records
// of one are an error to the next and never its answer. When a kept connection ends before the
// first byte of the answer, the request is sent again, once and on a new one, if the method is
// idempotent (RFC 9110 section 9.2.2) or nothing was sent, and if nothing was read of a Stdin that
// cannot be read again.
//
// If connections are kept to an application with a worker for each, set MaxConns to the number of
// its workers (php-fpm: pm.max_children) at most. Otherwise idle connections are closed when a new
// one has waited for its answer for a second.
//
// # The body
//
// The body is sent while the answer is read, so an application may answer early; what it has not
// taken then is not sent. A body of unknown length goes out as it comes, and ends with its stream.
// Not every application can take that: php-fpm 8.2 reads CONTENT_LENGTH bytes, none where it is
// missing. For those host.Spool finds the length out first.
//
// Up to 32 KiB of a Stdin in memory (*bytes.Buffer, *bytes.Reader, *strings.Reader) are sent with
// the head of the request, which saves a goroutine.
//
// # The answer
//
// FCGI_STDERR goes to the request's Stderr, up to MaxStderrBytes, in the goroutine that reads the
// response; nil drops it. The end of STDOUT alone ends nothing: a response without FCGI_END_REQUEST
// is an error, as is one of FCGI_OVERLOADED or FCGI_CANT_MPX_CONN (503), FCGI_UNKNOWN_ROLE (502),
// and a record of another version, request or type (502). A body that is longer than its
// Content-Length is cut, a shorter one is an error. Response.ExitStatus is the appStatus.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme
	// fastcgi or none: "127.0.0.1:9000", "unix:/run/app.sock". It must be set.
	Addr string

	// Fallback are further addresses, tried in turn when Addr refuses the connection. They do
	// not balance the load: a new connection always tries Addr first.
	Fallback []string

	// Role is what the application is asked to be. Zero is RoleResponder. RoleAuthorizer gets
	// neither a body nor the variables that FastCGI section 6.3 keeps from it. RoleFilter would
	// need a second stream, which a gateway.Request has not.
	Role Role

	// MaxConns bounds the open connections, including those that are kept. A request over it
	// waits. Zero and negative are no bound.
	MaxConns int

	// WaitTimeout bounds the wait of a request under MaxConns; one that waits longer fails with
	// 503. Zero is 60 seconds, negative no bound but the request's context.
	WaitTimeout time.Duration

	// MaxIdleConns bounds the connections that are kept for further requests. Zero and negative
	// keep none. A connection has its place from its first request on, which then carries
	// FCGI_KEEP_CONN (FastCGI section 3.5); when all places are taken, a new connection serves
	// one request. With Multiplex at least one is kept.
	MaxIdleConns int

	// IdleTimeout is how long a connection is kept without a request. Zero is 10 seconds,
	// negative no bound.
	IdleTimeout time.Duration

	// Connect, if not nil, makes the connections in place of the DialContext of a net.Dialer, which
	// has the same arguments: for a tunnel, or to count, time or record connections. Network is
	// "tcp" or "unix", and ctx ends after DialTimeout. A unix socket whose queue is full (EAGAIN on
	// Linux) is tried again within that time.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)

	// DialTimeout bounds the wait for a connection, for each address. Zero is 10 seconds,
	// negative no bound.
	DialTimeout time.Duration

	// WriteTimeout bounds each wait for the application to take some more of the request. Zero
	// is 60 seconds, negative no bound. This and the next two may take an eighth longer.
	WriteTimeout time.Duration

	// FirstByteTimeout bounds the wait for the first byte of the answer, from the end of the
	// request. Zero is 60 seconds, negative no bound.
	FirstByteTimeout time.Duration

	// ReadTimeout bounds each further wait for more of the answer, which any record is, as with
	// nginx. Zero is 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// MaxHeadBytes bounds the head of the response. Zero and negative are 64 KiB.
	MaxHeadBytes int

	// MaxStderrBytes bounds what an application may write to FCGI_STDERR in one exchange, which
	// otherwise could go on for ever: each record moves ReadTimeout. At one byte more the
	// exchange ends with a 502. Zero is 1 MiB, negative no bound.
	MaxStderrBytes int64

	// Multiplex sends several requests at the same time over one connection, and keeps at least
	// one. It is given up for good when the application does not answer FCGI_GET_VALUES by
	// FCGI_MPXS_CONNS=1, or answers FCGI_CANT_MPX_CONN: php-fpm and all that is built on
	// libfcgi do. FastCGI has no flow control for one of several requests: when 256 KiB of one
	// response wait for its reader, the others on its connection wait too, and new requests go
	// over another connection, or wait for one under MaxConns. A request whose response is not
	// read at all for ReadTimeout is given up then. Multiplex saves connections and no time.
	Multiplex bool

	inner client.Client
}

// ErrClientClosed is what RoundTrip fails with after Close.
var ErrClientClosed = client.ErrClosed

// RoundTrip implements [gateway.Backend].
//
// An application that cannot be reached, breaks off or breaks the protocol is a
// [*gateway.BackendError] of 502, one that is too slow of 504, one that has no room of 503. Where
// the request's context has ended, the error is [gateway.ContextError], and nothing is sent that
// was not sent before. A body that cannot be read, or is shorter than CONTENT_LENGTH, ends the
// exchange with a [*gateway.BodyError]. A CONTENT_LENGTH that is no number is a
// [*gateway.RequestError].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	settings := c.settings()
	return c.inner.RoundTrip(r, &settings)
}

// Values asks the application for variables of its own by FCGI_GET_VALUES (FastCGI section 4.1), on
// a new connection that counts under MaxConns and is closed after the answer. The specification has
// FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS. The map has those that the application knows.
//
// Many applications are silent, or close the connection; one whose workers are all busy answers
// late. FirstByteTimeout and ctx bound the wait. Errors are those of RoundTrip.
func (c *Client) Values(ctx context.Context, names ...string) (map[string]string, error) {
	settings := c.settings()
	return c.inner.Values(ctx, &settings, names)
}

// settings says what zero fields mean.
func (c *Client) settings() client.Settings {
	const minute = 60 * time.Second
	s := client.Settings{
		Dialer: transport.Dialer{
			Protocol:         "fastcgi",
			Addr:             c.Addr,
			Fallback:         c.Fallback,
			Connect:          c.Connect,
			DialTimeout:      cmp.Or(c.DialTimeout, 10*time.Second),
			WriteTimeout:     cmp.Or(c.WriteTimeout, minute),
			FirstByteTimeout: cmp.Or(c.FirstByteTimeout, minute),
			ReadTimeout:      cmp.Or(c.ReadTimeout, minute),
		},
		Role:         cmp.Or(c.Role, RoleResponder),
		MaxConns:     c.MaxConns,
		WaitTimeout:  cmp.Or(c.WaitTimeout, minute),
		MaxIdleConns: c.MaxIdleConns,
		IdleTimeout:  cmp.Or(c.IdleTimeout, 10*time.Second),
		MaxHeadBytes: c.MaxHeadBytes,
		MaxStderr:    cmp.Or(c.MaxStderrBytes, 1<<20),
		Multiplex:    c.Multiplex,
	}
	if s.Multiplex {
		s.MaxIdleConns = max(s.MaxIdleConns, 1)
	}
	return s
}

// CloseIdle closes the connections that are kept without a request.
func (c *Client) CloseIdle() { c.inner.CloseIdle() }

// Close closes all connections: exchanges under way fail, and so do later ones, with
// [ErrClientClosed]. It returns nil.
func (c *Client) Close() error {
	c.inner.Close()
	return nil
}

// ClientStats are a Client's connections and requests in figures.
type ClientStats struct {
	Requests uint64 // begun; one that was sent again counts twice
	Dialed   uint64 // connections made
	Retried  uint64 // requests sent again because a kept connection had ended
	// requests given up, with Multiplex, because their responses were not read for ReadTimeout
	Stalled uint64
	Active  int // open connections with a request under way, and those being dialed
	Idle    int // open connections without
	Waiting int // requests that wait for a connection
}

// Stats returns the figures of this moment.
func (c *Client) Stats() ClientStats { return ClientStats(c.inner.Stats()) }
