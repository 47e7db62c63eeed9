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

// Client lends the connections of a [fastcgi.Client] to gofast. Its fields must not change while it
// is used; any number of goroutines may use it.
//
// gofast asks for every connection to be kept. fastcgi.Client decides whether one is: by default
// none, as php-fpm needs it.
//
// These faults of gofast are avoided:
//
//   - gofast takes the response of an application that died for a complete one. A line on STDERR
//     says that it was cut off, and [Handler] cuts it off for the client. FCGI_OVERLOADED and the
//     other refusals are responses with a 503 or 502.
//   - gofast hangs at a line of the head of 1,024 bytes or more. Such a response is a 502; with
//     Handler it passes.
//   - gofast keeps sending to an application that answers without reading the body. The connection
//     ends after the response.
//   - gofast leaves its goroutines and the connection open when the request's context ends. With
//     NewClient the end of the context ends both, and the application is told.
//   - gofast waits without limit for a connection and for the application. The fields of Pool bound
//     every wait.
//   - Two requests at once on one of gofast's clients mix their responses, and Close during one
//     ends the process. With NewClient each request has a client of its own.
//   - gofast sends a body that fails as if it had ended there. The exchange is aborted instead.
//   - gofast does not check the id, version and role of a record. The connection checks them.
//
// These remain: gofast's parameters are a map, so the order of the environ is lost, and of a name
// that occurs twice only the last value is sent. A body is sent when 65,535 bytes of it are there
// or it has ended. A request costs about 200 KB and ten goroutines.
type Client struct {
	// Pool performs the exchanges: it bounds its connections and keeps as many as its MaxIdleConns
	// says, none by default, and its deadlines hold. It must be set. A request of another role than
	// Pool.Role is answered with a 502.
	Pool *fastcgi.Client
}

// Connect returns a connection for gofast: c.Connect is a gofast.ConnFactory. It takes one request
// after the other, as gofast.SimpleClientFactory's clients send them, and never waits: what cannot
// be reached is a response with a 502. Closing it ends the request under way.
func (c *Client) Connect() (net.Conn, error) {
	return (&conn{pool: c.Pool}).open(context.Background()), nil
}

// NewClient returns a client: c.NewClient is a gofast.ClientFactory. It has a connection for each
// request, so that several may be under way at once, and ends an exchange when the context of its
// http.Request ends.
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
	nc := (&conn{pool: c.pool, observer: watched}).open(ctx)
	if !c.add(nc) {
		nc.Close()
		return nil, errors.New("gofastconn: client is closed")
	}
	context.AfterFunc(nc.ctx, func() { c.remove(nc) })
	if req.Stdin != nil {
		req.Stdin = watch(req.Stdin, nc)
	}
	pipes, err := doOn(nc, req)
	if err != nil {
		nc.Close()
	}
	return pipes, err
}

// doOn hands req to a gofast client of its own, whose Close is never called: it sets what other
// goroutines use to nil.
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

// Close implements gofast.Client: it ends the requests under way.
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

// watch returns the body as gofast is to read it. gofast takes an error for the end of the body,
// and a Read of nothing too: the first ends the connection, the second is kept from it. It also
// waits for a Read under way, so that the end of the connection ends that; body itself is then read
// by a goroutine that is left behind until its Read returns.
func watch(body io.ReadCloser, c *conn) io.ReadCloser {
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

// RoundTrip implements [gateway.Backend]: gofast encodes and sends the request, the response comes
// past it. Errors and the body of the request are as in [fastcgi.Client.RoundTrip].
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	nc := (&conn{pool: c.Pool, stderr: r.Stderr, answer: make(chan answer, 1)}).open(r.Context())
	req := gofast.NewRequest(nil)
	req.Params = r.Environ.Map()
	if r.Stdin != nil {
		req.Stdin = watch(io.NopCloser(r.Stdin), nc)
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

// responseBody ends what gofast waits for together with the response.
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

// nowhere takes what gofast makes of a response that it does not get.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
