package transport

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
)

// Dialer connects the clients of this module to applications. Its fields must not change while it
// is used. All methods may be called at the same time.
type Dialer struct {
	// protocol of the application, as the scheme of an address: "fastcgi" or "scgi"
	Protocol string
	// address of the application: HOST:PORT or unix:/PATH, with the scheme of Protocol or none
	Addr     string
	Fallback []string // further addresses, tried in order when dialing Addr fails
	Health   *Health  // what is known of Addr and Fallback; nil means that each Dial begins with Addr

	// Connect, if not nil, makes the connections in place of net.Dialer.DialContext, which has the
	// same arguments: network is "tcp" or "unix". ctx ends after DialTimeout.
	Connect func(ctx context.Context, network, address string) (net.Conn, error)

	// DialTimeout bounds the wait for a connection, for each address. Zero means 10 seconds,
	// negative no bound.
	DialTimeout time.Duration

	// WriteTimeout bounds each wait for the application to take more of the request;
	// FirstByteTimeout the wait for its answer, from the end of the request; ReadTimeout each wait
	// for more of the answer. Zero means 60 seconds, negative no bound. A wait may last an eighth
	// longer, since setting a deadline for each wait would be a tenth of the cost of a small
	// exchange.
	WriteTimeout     time.Duration
	FirstByteTimeout time.Duration
	ReadTimeout      time.Duration
}

// Dial connects to the first address that accepts the connection. If ctx has ended, the error is
// [gateway.ContextError]. Otherwise it is a [*gateway.BackendError], with status 504 if the
// application cannot be reached in time and 502 if it cannot be reached at all or the address is
// not valid, or a [*gateway.ServerError] with status 503 if this process or its system can open no
// more connections.
func (d *Dialer) Dial(ctx context.Context) (*Call, error) {
	nc, addr, err := d.dialAny(ctx)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	c := d.newCall(nc)
	c.isFallback = addr != d.Addr
	return c, nil
}

// dialAny connects to the first address that accepts. The error is that of the last one tried.
func (d *Dialer) dialAny(ctx context.Context) (nc net.Conn, addr string, err error) {
	if len(d.Fallback) == 0 {
		nc, err = d.dial(ctx, d.Addr)
		return nc, d.Addr, err
	}
	addrs := append([]string{d.Addr}, d.Fallback...)
	if d.Health != nil {
		addrs = d.Health.order(addrs)
	}
	for _, addr = range addrs {
		nc, err = d.dial(ctx, addr)
		ended := ctx.Err() != nil
		if d.Health != nil && (err == nil || !ended && !isShortage(err)) {
			d.Health.note(addr, err == nil)
		}
		if err == nil || ended {
			break
		}
	}
	return nc, addr, err
}

func (d *Dialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	a, err := listen.ParseFor(d.Protocol, addr)
	if err != nil {
		return nil, err
	}
	if a.Proxy {
		return nil, &listen.AddressError{Input: addr, Reason: "has the option proxy=1, which is one of listeners only"}
	}
	if a.Network == "unix" && d.Connect == nil {
		// the system answers at once, so that there is nothing to end unless the queue is full
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		nc, err := net.Dial("unix", a.Path)
		if !errors.Is(err, syscall.EAGAIN) {
			return nc, err
		}
	}
	if timeout := cmp.Or(d.DialTimeout, defaultDialTimeout); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	switch a.Network {
	case "tcp":
		return d.connect(ctx, "tcp", net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))))
	case "unix":
		return d.dialUnix(ctx, a.Path)
	}
	return nil, &listen.AddressError{Input: addr, Reason: "is not an address to connect to: write HOST:PORT or unix:/PATH"}
}

func (d *Dialer) connect(ctx context.Context, network, address string) (net.Conn, error) {
	if d.Connect != nil {
		return d.Connect(ctx, network, address)
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// Meanings of a zero field.
const (
	defaultDialTimeout = 10 * time.Second
	defaultCallTimeout = 60 * time.Second
)

// dialUnix waits while the backlog of the listener is full. Over TCP, Linux makes the client wait;
// over a unix socket it answers EAGAIN at once, which nginx turns into a 502 for its client.
func (d *Dialer) dialUnix(ctx context.Context, path string) (net.Conn, error) {
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		nc, err := d.connect(ctx, "unix", path)
		if !errors.Is(err, syscall.EAGAIN) {
			return nc, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", err, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// unreachable returns the error of Dial for a failed dial, with a reason that the client may see.
// ctx is the context of the request.
func unreachable(ctx context.Context, err error) error {
	if ended := gateway.ContextError(ctx); ended != nil {
		return ended
	}
	if t := net.Error(nil); errors.Is(err, context.DeadlineExceeded) || errors.As(err, &t) && t.Timeout() {
		return &gateway.BackendError{Status: 504, Reason: "the application cannot be reached in time", Err: err}
	}
	if isShortage(err) {
		return &gateway.ServerError{Status: 503, Reason: "the server can open no more connections", Err: err}
	}
	return &gateway.BackendError{Status: 502, Reason: "the application cannot be reached", Err: err}
}

// Failure returns the error of an exchange under ctx that ended with err, with a reason that the
// client may see. It is [gateway.ContextError] if ctx has ended. Otherwise it is a
// [*gateway.BackendError] with status 504 if the application was too slow and 502 if it broke the
// exchange off. The BackendError wraps err, or io.ErrUnexpectedEOF if err is io.EOF.
func Failure(ctx context.Context, err error) error {
	if ended := gateway.ContextError(ctx); ended != nil {
		return ended
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &gateway.BackendError{Status: 504, Reason: "the application did not answer in time", Err: err}
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	return &gateway.BackendError{Status: 502, Reason: "the application broke off", Err: err}
}
