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
// php-fpm. Only Addr must be set; the other fields bound what the Client uses and how long it
// waits. The fields must not change after the first use. All methods may be called at the same
// time. A Client must not be copied.
//
//	backend := &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}
//	app := gateway.Forward(backend)
//
// # Connections
//
// Each request has its own connection, as with nginx, Apache and Caddy, unless MaxIdleConns is set:
// then connections are kept for further requests. A kept connection saves the cost of a new one,
// about half of a small exchange. But php-fpm, FCGI.pm and all programs built on libfcgi bind a
// worker process to a connection. Until the connection is closed, the worker answers no other
// connection. A request on the connection waits for what the worker does after its last response
// (fastcgi_finish_request), and the worker may not exit when it is told to. So keep connections
// only to applications that answer several at the same time, such as [Server] and programs that use
// net/http/fcgi. [Client.Values] asks for FCGI_MPXS_CONNS, which such applications answer with 1.
//
// A connection is used again only after a complete request and a complete response, if it has no
// unread bytes and none have arrived since. Each request on it has another id than the one before,
// so that a late record of one request is an error for the next, never a part of its response. When
// a kept connection ends before the first byte of the response, the request is sent again, once and
// on a new connection, if the method is idempotent (RFC 9110 section 9.2.2) or no byte was sent,
// and if no byte was read of a Stdin that cannot be read again.
//
// If you keep connections to an application with one worker for each connection, set MaxConns to at
// most the number of its workers (php-fpm: pm.max_children). Otherwise a new connection may wait
// for a worker that an idle connection occupies: after a second without a response the idle
// connections are closed.
//
// # The body
//
// The body is sent while the response is read, so an application may answer early. The part of the
// body that it has not read by then is not sent. A body of unknown length is sent as it is read, up
// to io.EOF. Some applications cannot read such a body: php-fpm 8.2 reads CONTENT_LENGTH bytes, and
// none if it is missing. For those, host.Spool finds the length first.
//
// A Stdin in memory (*bytes.Buffer, *bytes.Reader, *strings.Reader) of up to 32 KiB is sent
// together with the head of the request, which saves a goroutine.
//
// # The response
//
// FCGI_STDERR is written to the request's Stderr, up to MaxStderrBytes, by the goroutine that reads
// the response. If Stderr is nil, it is dropped. A response is complete only with FCGI_END_REQUEST;
// the end of STDOUT alone is not enough. FCGI_OVERLOADED and FCGI_CANT_MPX_CONN are errors of 503;
// FCGI_UNKNOWN_ROLE, and a record with a wrong version, request id or type, are errors of 502. A
// body longer than its Content-Length is cut, and a shorter one is an error. Response.ExitStatus is
// the appStatus.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme
	// fastcgi or none: "127.0.0.1:9000", "unix:/run/app.sock". It must be set.
	Addr string

	// Fallback are further addresses, tried in order when Addr refuses the connection. They do not
	// balance the load: a new connection tries Addr first, and for 5 seconds last after Addr could
	// not be reached. See transport.Health. Connections to Fallback
	// are not kept, unless they are shared by Multiplex.
	Fallback []string

	// Role is the role that the application is asked to play. Zero is RoleResponder. A request with
	// RoleAuthorizer carries no body, and not the variables that FastCGI section 6.3 excludes.
	// RoleFilter is not supported: it needs a second stream, which gateway.Request does not have.
	Role Role

	// MaxConns bounds the open connections, including kept ones. A request above the bound waits.
	// Zero and negative are no bound.
	MaxConns int

	// WaitTimeout bounds how long a request waits because of MaxConns. One that waits longer fails
	// with 503. Zero is 60 seconds. Negative is no bound but the request's context.
	WaitTimeout time.Duration

	// MaxIdleConns bounds the connections that are kept for further requests. Zero and negative
	// keep none. Whether a connection is kept is decided at its first request, which then carries
	// FCGI_KEEP_CONN (FastCGI section 3.5). If MaxIdleConns connections are kept already, a new
	// connection serves one request. With Multiplex at least one is kept.
	MaxIdleConns int

	// IdleTimeout is how long a connection is kept without a request. Zero is 10 seconds. Negative
	// is no bound.
	IdleTimeout time.Duration

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

	// ReadTimeout bounds each later wait for more of the response. As with nginx, any record counts
	// as more. Zero is 60 seconds. Negative is no bound.
	ReadTimeout time.Duration

	// MaxHeadBytes bounds the head of the response. Zero and negative are 64 KiB.
	MaxHeadBytes int

	// MaxStderrBytes bounds what an application may write to FCGI_STDERR in one exchange. With more
	// the exchange ends with a 502. Without a bound it could go on for ever, because each record
	// restarts ReadTimeout. Zero is 1 MiB. Negative is no bound.
	MaxStderrBytes int64

	// Multiplex sends several requests at the same time over one connection, and keeps at least one
	// connection. The Client stops to multiplex for good when the application does not answer
	// FCGI_GET_VALUES with FCGI_MPXS_CONNS=1, or refuses a request with FCGI_CANT_MPX_CONN, as
	// php-fpm and all programs built on libfcgi do. FastCGI has no flow control for a single
	// request. When 256 KiB of one response are unread, the other responses on its connection wait
	// too, and new requests use another connection or wait for one (MaxConns). A request is aborted
	// then if nothing of its response is read for ReadTimeout. Multiplex saves connections, not
	// time.
	Multiplex bool

	inner  client.Client
	health transport.Health
}

// ErrClientClosed is wrapped by the error of an exchange that Close has ended, or that begins after
// Close.
var ErrClientClosed = client.ErrClosed

// RoundTrip implements [gateway.Backend].
//
// The error is a [*gateway.BackendError] of 502 if the application cannot be reached, closes the
// connection too early or violates the protocol; of 504 if it is too slow; and of 503 if it has no
// room. If the request's context has ended, the error is [gateway.ContextError], and nothing more
// is sent. If the body cannot be read or is shorter than CONTENT_LENGTH, the error is a
// [*gateway.BodyError]. If CONTENT_LENGTH is not a number, it is a [*gateway.RequestError].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	settings := c.settings()
	return c.inner.RoundTrip(r, &settings)
}

// Values asks the application for the values of variables by FCGI_GET_VALUES (FastCGI section 4.1).
// The specification defines FCGI_MAX_CONNS, FCGI_MAX_REQS and FCGI_MPXS_CONNS. The map has those
// that the application knows. Values uses a new connection, which counts toward MaxConns and is
// closed after the answer.
//
// Many applications do not answer, or close the connection; one whose workers are all busy answers
// late. FirstByteTimeout and ctx bound the wait. Errors are those of RoundTrip.
func (c *Client) Values(ctx context.Context, names ...string) (map[string]string, error) {
	settings := c.settings()
	return c.inner.Values(ctx, &settings, names)
}

// settings returns the fields with the defaults filled in.
func (c *Client) settings() client.Settings {
	const minute = 60 * time.Second
	s := client.Settings{
		Dialer: transport.Dialer{
			Protocol:         "fastcgi",
			Addr:             c.Addr,
			Fallback:         c.Fallback,
			Health:           &c.health,
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

// CloseIdle closes the kept connections that have no request.
func (c *Client) CloseIdle() { c.inner.CloseIdle() }

// Close closes all connections. Exchanges under way and later ones fail with a
// [*gateway.ServerError] of 503 that wraps [ErrClientClosed]. It returns nil.
func (c *Client) Close() error {
	c.inner.Close()
	return nil
}

// ClientStats counts a Client's connections and requests.
type ClientStats struct {
	Requests uint64 // requests begun; one that was sent again counts twice
	Dialed   uint64 // connections made
	Retried  uint64 // requests sent again because a kept connection had ended
	// requests aborted, with Multiplex, because their responses were not read for ReadTimeout
	Stalled uint64
	Active  int // connections that have a request or are being dialed
	Idle    int // connections without a request
	Waiting int // requests that wait for a connection
}

// Stats returns the current figures.
func (c *Client) Stats() ClientStats { return ClientStats(c.inner.Stats()) }
