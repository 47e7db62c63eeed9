package client

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// Client holds the connections of a fastcgi.Client. Its zero value is ready to use. All methods may
// be called concurrently.
type Client struct {
	requests, retried atomic.Uint64

	pool pool
	mux  mux
}

// Settings are the fields of fastcgi.Client with their defaults filled in. They are passed to each
// call. Idle connections obey the settings of the latest call.
type Settings struct {
	Dialer       transport.Dialer
	Role         wire.Role
	MaxConns     int           // zero and negative are no bound
	WaitTimeout  time.Duration // zero and negative are no bound
	MaxIdleConns int           // zero and negative keep none
	IdleTimeout  time.Duration // zero and negative are no bound
	MaxHeadBytes int           // zero and negative are the default of gateway.ReadResponse
	MaxStderr    int64         // negative is no bound
	Multiplex    bool
}

// ErrClosed is wrapped by the error of an exchange that Close has ended, or that begins after
// Close.
var ErrClosed = errors.New("fastcgi: Client is closed")

// RoundTrip performs the exchange of r. If it fails in a way that allows a repetition, RoundTrip
// repeats it once, on a new connection.
func (c *Client) RoundTrip(r *gateway.Request, s *Settings) (*gateway.Response, error) {
	body, err := newBody(r, s.Role)
	if err != nil {
		return nil, err
	}
	m := messages.Get().(*message)
	defer m.release()
	if err := m.encode(s.Role, r.Environ, body); err != nil {
		return nil, err
	}
	x, err := c.begin(r, s, m, false)
	if err != nil {
		return nil, err
	}
	resp, err := x.perform(m, body, s.MaxHeadBytes)
	if err == nil || !x.repeatable() {
		return resp, err
	}
	c.retried.Add(1)
	if x, err = c.begin(r, s, m, true); err != nil {
		return nil, err
	}
	return x.perform(m, body, s.MaxHeadBytes)
}

// begin begins the exchange of r on a kept or a new connection. With fresh it uses only a new one.
// It fails if the context has ended, because the watch of the context that newRoundTrip begins may
// notice that only after the first write.
func (c *Client) begin(r *gateway.Request, s *Settings, m *message, fresh bool) (*roundTrip, error) {
	c.requests.Add(1)
	conn, err := c.connect(r.Context(), s, fresh)
	if err != nil {
		return nil, err
	}
	if ended := gateway.ContextError(r.Context()); ended != nil {
		conn.owner.release(conn) // nothing was sent
		return nil, ended
	}
	m.address(conn.id, conn.keep)
	return newRoundTrip(conn, r, s.MaxStderr), nil
}

func (c *Client) connect(ctx context.Context, s *Settings, fresh bool) (*conn, error) {
	if s.Multiplex {
		if conn, err := c.mux.acquire(ctx, &c.pool, s); conn != nil || err != nil {
			return conn, err
		}
	}
	conn, err := c.pool.acquire(ctx, s, fresh)
	if err == nil {
		c.pool.reserveKept(conn)
	}
	return conn, err
}

// CloseIdle closes the connections that have no request.
func (c *Client) CloseIdle() {
	c.pool.closeIdle()
	c.mux.closeIdle()
}

// Close closes all connections. Exchanges under way fail, and so do later ones.
func (c *Client) Close() {
	c.pool.close()
	c.mux.close()
}

// Stats has the fields of fastcgi.ClientStats, which documents them.
type Stats struct {
	Requests uint64
	Dialed   uint64
	Retried  uint64
	Stalled  uint64
	Active   int
	Idle     int
	Waiting  int
}

// Stats returns the current figures.
func (c *Client) Stats() Stats {
	s := c.pool.stats()
	s.Requests, s.Retried = c.requests.Load(), c.retried.Load()
	c.mux.addStats(&s)
	return s
}
