package gofastconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	"github.com/yookoala/gofast"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/gateway"
)

// Client provides connections for gofast, over those of a [fastcgi.Client]. Its fields must not
// change while it is used. Any number of goroutines may use it.
//
// gofast asks to keep every connection. fastcgi.Client decides whether a connection is kept: by
// default none is, as php-fpm needs it.
//
// These faults of gofast are avoided:
//
//   - gofast treats the response of an application that died as complete. Here a line on STDERR
//     tells that it was cut off, and [Handler] cuts it off for the client. FCGI_OVERLOADED and the
//     other refusals are responses with a 503 or 502.
//   - gofast hangs at a line of the head of 1,024 bytes or more. Here such a response is a 502;
//     with Handler it is passed on unchanged.
//   - gofast keeps sending to an application that answers without reading the body. Here the
//     connection is closed after the response.
//   - gofast leaves its goroutines and the connection open when the request's context ends. With
//     NewClient the end of the context ends both, and aborts the request at the application.
//   - gofast waits without limit for a connection and for the application. Here the fields of Pool
//     bound every wait.
//   - Two concurrent requests on one client of gofast mix their responses, and a concurrent Close
//     ends the process. With NewClient each request has its own client.
//   - gofast sends a body that fails as if it had ended there. Here the exchange is aborted.
//   - gofast does not check the id, version and role of a record. Here the connection checks them.
//   - gofast passes fields that concern one connection only, such as Upgrade, to its client. Here
//     they are removed, and a response with a Transfer-Encoding is a 502.
//
// These faults remain: gofast's parameters are a map, so the order of the environ is lost, and only
// the last value of a name that occurs twice is sent. A body is sent only when 65,535 bytes of it
// have been read or it has ended. A request costs about 200 KB and ten goroutines.
type Client struct {
	// Pool performs the exchanges. It must be set. Its bounds and timeouts apply; it keeps
	// MaxIdleConns connections, by default none. A request with a role other than Pool.Role is
	// answered with a 502.
	Pool *fastcgi.Client
}

// Connect returns a connection for gofast: c.Connect is a gofast.ConnFactory. The connection serves
// one request after the other, as the clients of gofast.SimpleClientFactory send them. Connect
// never waits: an application that cannot be reached is a response with a 502. Closing the
// connection ends the request under way.
func (c *Client) Connect() (net.Conn, error) {
	return (&conn{pool: c.Pool}).start(context.Background()), nil
}

// NewClient returns a client: c.NewClient is a gofast.ClientFactory. The client uses a new
// connection for each request, so that it can perform several at once. It ends an exchange when the
// context of its http.Request ends.
func (c *Client) NewClient() (gofast.Client, error) { return &client{pool: c.Pool}, nil }

type client struct {
	pool   *fastcgi.Client
	mu     sync.Mutex
	conns  []*conn // of requests that have not ended
	closed bool
}

// Do implements gofast.Client.
func (c *client) Do(req *gofast.Request) (*gofast.ResponsePipe, error) {
	ctx := context.Background()
	if req.Raw != nil {
		ctx = req.Raw.Context()
	}
	watched, _ := ctx.Value(observerKey{}).(*observer)
	nc := (&conn{pool: c.pool, observer: watched}).start(ctx)
	if !c.add(nc) {
		nc.Close()
		return nil, errors.New("gofastconn: client is closed")
	}
	context.AfterFunc(nc.ctx, func() { c.remove(nc) })
	if req.Stdin != nil {
		req.Stdin = pipeBody(req.Stdin, nc)
	}
	pipes, err := doOn(nc, req)
	if err != nil {
		nc.Close()
	}
	return pipes, err
}

// doOn performs req with a new gofast client. It never calls the Close of that client, which sets
// fields to nil that other goroutines use.
func doOn(nc *conn, req *gofast.Request) (*gofast.ResponsePipe, error) {
	inner, err := gofast.SimpleClientFactory(func() (net.Conn, error) { return nc, nil })()
	if err != nil {
		return nil, err
	}
	return inner.Do(req)
}

func (c *client) add(nc *conn) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.conns = append(c.conns, nc)
	}
	return !c.closed
}

func (c *client) remove(nc *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, other := range c.conns {
		if other == nc {
			c.conns = append(c.conns[:i], c.conns[i+1:]...)
			return
		}
	}
}

// Close implements gofast.Client. It ends the requests under way.
func (c *client) Close() error {
	c.mu.Lock()
	conns := c.conns
	c.conns, c.closed = nil, true
	c.mu.Unlock()
	for _, nc := range conns {
		nc.Close()
	}
	return nil
}

// pipeBody returns the body for gofast to read, through a pipe. gofast treats an error as the end
// of the body, and an empty Read too. So an error of body ends the connection, and an empty Read is
// not passed on. gofast also waits for a Read under way, so the end of the connection ends that
// Read. The goroutine that reads body remains until its own Read returns.
func pipeBody(body io.ReadCloser, c *conn) io.ReadCloser {
	r, w := io.Pipe()
	context.AfterFunc(c.ctx, func() { r.CloseWithError(net.ErrClosed) })
	go func() {
		defer body.Close()
		_, err := io.Copy(w, body)
		if err != nil && c.ctx.Err() == nil {
			c.failBody(fmt.Errorf("gofastconn: request body: %w", err))
		}
		w.CloseWithError(err)
	}()
	return r
}

// RoundTrip implements [gateway.Backend]. gofast encodes and sends the request; the response does
// not go through gofast. Errors, and the use of the request's body, are as in
// [fastcgi.Client.RoundTrip].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	nc := (&conn{pool: c.Pool, stderr: r.Stderr, answer: make(chan answer, 1)}).start(r.Context())
	req := gofast.NewRequest(nil)
	req.Params = r.Environ.Map()
	if r.Stdin != nil {
		req.Stdin = pipeBody(io.NopCloser(r.Stdin), nc)
	}
	pipes, err := doOn(nc, req)
	if err != nil {
		nc.Close()
		return nil, fmt.Errorf("gofastconn: %w", err)
	}
	go pipes.WriteTo(nowhere{}, nowhere{}) // gofast's goroutines wait for a reader
	a := <-nc.answer
	if a.err != nil {
		nc.Close()
		return nil, a.err
	}
	a.response.Body = &responseBody{a.response.Body, nc}
	return a.response, nil
}

// responseBody is the body of a response. Its Close ends the connection, for which gofast waits.
type responseBody struct {
	io.ReadCloser
	conn *conn
}

// Read implements io.Reader.
func (b *responseBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if cause := b.conn.bodyError(); err != nil && err != io.EOF && cause != nil {
		err = cause
	}
	return n, err
}

// Close implements io.Closer.
func (b *responseBody) Close() error {
	err := b.ReadCloser.Close()
	b.conn.Close()
	return err
}

// nowhere discards the response that gofast makes when the real one does not go through it.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
