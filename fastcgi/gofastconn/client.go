package gofastconn

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/yookoala/gofast"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Client is a [gateway.Backend] that calls a FastCGI application in the responder role, on a new connection for each request. Its
// fields must not change while it is used; any number of goroutines may use it.
type Client struct {
	// Addr is where the application listens, in the grammar of package listen, with the scheme fastcgi or none:
	// "127.0.0.1:9000", "unix:/run/app.sock". It must be set.
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

const (
	defaultDialTimeout = 10 * time.Second
	defaultTimeout     = 60 * time.Second
)

// RoundTrip implements [gateway.Backend]. The body is sent while the response is read, and its length need not be known. STDERR
// records go to r.Stderr, in the goroutine that reads the response; nil drops them.
//
// An application that cannot be reached, breaks off or breaks the protocol is a [*gateway.BackendError] of 502, one that is too slow
// of 504, one that has no room of 503; where the request's context ended, the error wraps its reason. A body that cannot be read
// ends the exchange, with an error that wraps that of r.Stdin.
func (c *Client) RoundTrip(r *gateway.Request) (*gateway.Response, error) {
	nc, err := c.dial(r.Context())
	if err != nil {
		return nil, unreachable(r.Context(), err)
	}
	x := newExchange(nc, r, cmp.Or(c.ReadTimeout, defaultTimeout), cmp.Or(c.WriteTimeout, defaultTimeout))
	x.unwatch = context.AfterFunc(r.Context(), func() { x.fail(interrupted(r.Context())) })
	if err := send(x, r); err != nil {
		x.Close()
		return nil, err
	}
	resp, err := gateway.ReadResponse(x, c.MaxHeadBytes)
	if err != nil {
		return nil, cmp.Or(x.bodyError(), err)
	}
	resp.Body = &responseBody{ReadCloser: resp.Body, exchange: x, response: resp}
	return resp, nil
}

// send starts gofast's sending of the request.
func send(x *exchange, r *gateway.Request) error {
	client, err := gofast.SimpleClientFactory(func() (net.Conn, error) { return side{x.net, x}, nil })()
	if err != nil {
		return fmt.Errorf("gofastconn: %w", err)
	}
	request := gofast.NewRequest(nil) // no http.Request: what gofast makes of its context does not close the connection
	request.Params = r.Environ.Map()
	if r.Stdin != nil {
		request.Stdin = &requestBody{r.Stdin, x}
	}
	pipes, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("gofastconn: %w", err)
	}
	go func() {
		pipes.WriteTo(nowhere{}, nowhere{}) // gofast's goroutines wait for a reader, and end before it does
		client.Close()
	}()
	return nil
}

func (c *Client) dial(ctx context.Context) (net.Conn, error) {
	a, err := listen.ParseFor("fastcgi", c.Addr)
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

// unreachable is what a client may hear of a failed dial.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return interrupted(ctx)
	}
	if t := net.Error(nil); errors.As(err, &t) && t.Timeout() {
		return &gateway.BackendError{Status: 504, Reason: "the application cannot be reached in time", Err: err}
	}
	return &gateway.BackendError{Status: 502, Reason: "the application cannot be reached", Err: err}
}

func interrupted(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: ctx.Err()}
	}
	return &gateway.BackendError{Status: 502, Reason: "the request was given up", Err: ctx.Err()}
}

// nowhere takes what gofast makes of a response that it does not get: an error text and a status 500.
type nowhere struct{}

func (nowhere) Header() http.Header         { return http.Header{} }
func (nowhere) WriteHeader(int)             {}
func (nowhere) Write(p []byte) (int, error) { return len(p), nil }
