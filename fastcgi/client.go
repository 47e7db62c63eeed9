package fastcgi

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Client is the web server's side: a [gateway.Backend] that calls a FastCGI application, such as php-fpm. A Client with an Addr works;
// its other fields say how much it may use and how long it waits. The fields must not change once it is used, all methods may be
// called at the same time, and a Client must not be copied.
//
//	backend := &fastcgi.Client{Addr: "unix:/run/php/php-fpm.sock", MaxConns: 20}
//	app := gateway.Forward(backend)
//
// # Connections
//
// Each request has a connection of its own unless MaxIdleConns says that connections are kept, as with nginx, Apache and Caddy. A
// kept connection saves the cost of a new one, about half of a small exchange. But php-fpm, FCGI.pm and all that is built on libfcgi
// bind a worker to a connection: until it is closed, that worker answers no other connection, a request that is sent over it waits
// for what the worker does after its last response (fastcgi_finish_request), and the worker may not end when it is told to. Keep
// connections to applications that answer several at the same time, such as [Server] and programs on net/http/fcgi:
// [Client.Values] asks for FCGI_MPXS_CONNS, which such applications answer with 1.
//
// A connection is used again only after a complete response and a complete request, when nothing was left over and nothing has come
// since; each request on it has another id, so that late records of one are an error to the next and never its answer. When a kept
// connection ends before the first byte of the answer, the request is sent again, once and on a new one, if the method is idempotent
// (RFC 9110 section 9.2.2) or nothing was sent, and if nothing was read of a Stdin that cannot be read again.
//
// If connections are kept to an application with a worker for each, set MaxConns to the number of its workers (php-fpm:
// pm.max_children) at most. Otherwise idle connections are closed when a new one has waited for its answer for a second.
//
// # The body
//
// The body is sent while the answer is read, so an application may answer early; what it has not taken then is not sent. A body of
// unknown length goes out as it comes, and ends with its stream. Not every application can take that: php-fpm 8.2 reads CONTENT_LENGTH
// bytes, none where it is missing. For those host.Spool finds the length out first.
//
// Up to 32 KiB of a Stdin in memory (*bytes.Buffer, *bytes.Reader, *strings.Reader) are sent with the head of the request, which
// saves a goroutine.
//
// # The answer
//
// FCGI_STDERR goes to the request's Stderr, in the goroutine that reads the response; nil drops it. The end of STDOUT alone ends
// nothing: a response without FCGI_END_REQUEST is an error, as is one of FCGI_OVERLOADED or FCGI_CANT_MPX_CONN (503), FCGI_UNKNOWN_ROLE
// (502), and a record of another version, request or type (502). A body that is longer than its Content-Length is cut, a shorter one
// is an error. Response.ExitStatus is the appStatus.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme fastcgi or none:
	// "127.0.0.1:9000", "unix:/run/app.sock". It must be set.
	Addr string

	// Fallback are further addresses, tried in turn when Addr refuses the connection. They do not balance the load: a new
	// connection always tries Addr first.
	Fallback []string

	// Role is what the application is asked to be. Zero is RoleResponder. RoleAuthorizer gets neither a body nor the variables
	// that FastCGI section 6.3 keeps from it. RoleFilter would need a second stream, which a gateway.Request has not.
	Role Role

	// MaxConns bounds the open connections, including those that are kept. A request over it waits. Zero and negative are no
	// bound.
	MaxConns int

	// WaitTimeout bounds the wait of a request under MaxConns; one that waits longer fails with 503. Zero is 60 seconds,
	// negative no bound but the request's context.
	WaitTimeout time.Duration

	// MaxIdleConns bounds the connections that are kept for further requests. Zero and negative keep none. A connection has its
	// place from its first request on, which then carries FCGI_KEEP_CONN (FastCGI section 3.5); when all places are taken, a new
	// connection serves one request. With Multiplex at least one is kept.
	MaxIdleConns int

	// IdleTimeout is how long a connection is kept without a request. Zero is 10 seconds, negative no bound.
	IdleTimeout time.Duration

	// DialTimeout bounds the wait for a connection, for each address. Zero is 10 seconds, negative no bound.
	DialTimeout time.Duration

	// WriteTimeout bounds each wait for the application to take some more of the request. Zero is 60 seconds, negative no
	// bound. This and the next two may take an eighth longer.
	WriteTimeout time.Duration

	// FirstByteTimeout bounds the wait for the first byte of the answer, from the end of the request. Zero is 60 seconds,
	// negative no bound.
	FirstByteTimeout time.Duration

	// ReadTimeout bounds each further wait for more of the answer. Zero is 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// MaxHeadBytes bounds the head of the response. Zero and negative are 64 KiB.
	MaxHeadBytes int

	// Multiplex sends several requests at the same time over one connection, and keeps at least one. It is given up for good
	// when the application does not answer FCGI_GET_VALUES by FCGI_MPXS_CONNS=1, or answers FCGI_CANT_MPX_CONN: php-fpm and all
	// that is built on libfcgi do. FastCGI has no flow control for one of several requests: when 256 KiB of one response wait for
	// its reader, the others on its connection wait too. It saves connections and no time.
	Multiplex bool

	pool clientPool
	mux  clientMux
}

// What a zero field means.
const (
	defaultWaitTimeout = 60 * time.Second
	defaultIdleTimeout = 10 * time.Second
)

// ErrClientClosed is what RoundTrip fails with after Close.
var ErrClientClosed = errors.New("fastcgi: Client is closed")

// RoundTrip implements [gateway.Backend].
//
// An application that cannot be reached, breaks off or breaks the protocol is a [*gateway.BackendError] of 502, one that is too slow of
// 504, one that has no room of 503. Where the request's context has ended, the error is [gateway.ContextError]. A body that cannot be
// read, or is shorter than CONTENT_LENGTH, ends the exchange with a [*gateway.BodyError]. A CONTENT_LENGTH that is no number is a
// [*gateway.RequestError].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	role := cmp.Or(c.Role, RoleResponder)
	body, err := clientBodyOf(r, role)
	if err != nil {
		return nil, err
	}
	m := messages.Get().(*message)
	defer m.release()
	if err := m.encode(role, r.Environ, body); err != nil {
		return nil, err
	}
	x, err := c.open(r, m, false)
	if err != nil {
		return nil, err
	}
	resp, err := x.roundTrip(m, body)
	if err == nil || !x.replayable() && !x.refused() {
		return resp, err
	}
	c.pool.retried.Add(1)
	if x, err = c.open(r, m, true); err != nil {
		return nil, err
	}
	return x.roundTrip(m, body)
}

// open prepares an exchange for r, on a kept connection or a new one.
func (c *Client) open(r *gateway.Request, m *message, dial bool) (*clientExchange, error) {
	c.pool.requests.Add(1)
	conn, err := c.connect(r.Context(), dial)
	if err != nil {
		return nil, err
	}
	m.address(conn.nextID(), conn.keep)
	return newClientExchange(c, conn, r), nil
}

func (c *Client) connect(ctx context.Context, dial bool) (*clientConn, error) {
	if c.Multiplex {
		if conn, err := c.mux.get(ctx, c); conn != nil || err != nil {
			return conn, err
		}
	}
	conn, err := c.pool.get(ctx, c, dial)
	if err == nil {
		c.pool.reserve(conn, c.maxKept())
	}
	return conn, err
}

// maxKept is how many connections are kept.
func (c *Client) maxKept() int {
	if c.Multiplex {
		return max(c.MaxIdleConns, 1)
	}
	return c.MaxIdleConns
}

// CloseIdle closes the connections that are kept without a request.
func (c *Client) CloseIdle() {
	c.pool.closeIdle()
	c.mux.closeIdle()
}

// Close closes all connections: exchanges under way fail, and so do later ones, with [ErrClientClosed]. It returns nil.
func (c *Client) Close() error {
	c.pool.close()
	return nil
}

// ClientStats are a Client's connections and requests in figures.
type ClientStats struct {
	Requests uint64 // begun, those that were sent again counted twice
	Dialed   uint64 // connections made
	Retried  uint64 // requests sent again because a kept connection had died
	Active   int    // open connections with a request under way, those being dialed among them
	Idle     int    // open connections without
	Waiting  int    // requests that wait for a connection
}

// Stats returns the figures of this moment.
func (c *Client) Stats() ClientStats {
	s := c.pool.stats()
	idle := min(c.mux.idle(), s.Active)
	s.Idle += idle
	s.Active -= idle
	return s
}

func (c *Client) dial(ctx context.Context) (*clientConn, error) {
	d := transport.Dialer{
		Protocol:         "fastcgi",
		Addr:             c.Addr,
		Fallback:         c.Fallback,
		DialTimeout:      c.DialTimeout,
		WriteTimeout:     c.WriteTimeout,
		FirstByteTimeout: c.FirstByteTimeout,
		ReadTimeout:      c.ReadTimeout,
	}
	call, err := d.Dial(ctx)
	if err != nil {
		return nil, err
	}
	return newClientConn(call), nil
}
