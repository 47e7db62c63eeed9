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

// Dialer calls applications, for the clients of this module. Its fields must not change while it is
// used, and all methods may be called at the same time.
type Dialer struct {
	// that the application speaks, as in the grammar of addresses: "fastcgi" or "scgi"
	Protocol string
	// where the application listens: HOST:PORT or unix:/PATH, with the scheme of Protocol or none
	Addr     string
	Fallback []string // further addresses, tried in turn when Addr refuses

	// DialTimeout bounds the wait for a connection, for each address. Zero is 10 seconds, negative
	// no bound.
	DialTimeout time.Duration

	// WriteTimeout bounds each wait for the application to take some more of the request;
	// FirstByteTimeout the wait for its answer, from the end of the request; ReadTimeout each wait
	// for more of the answer. Zero is 60 seconds, negative no bound. A wait may last an eighth
	// longer, since a deadline for each would be a tenth of the cost of a small exchange.
	WriteTimeout     time.Duration
	FirstByteTimeout time.Duration
	ReadTimeout      time.Duration
}

// Dial connects to the first address that takes the connection. Its error is a
// [*gateway.BackendError]: 504 for an application that cannot be reached in time, 502 for one that
// cannot be reached or an address that cannot be called, 503 where this process or its system can
// open no more connections. Where ctx has ended it is [gateway.ContextError].
func (d *Dialer) Dial(ctx context.Context) (*Call, error) {
	nc, err := d.dial(ctx, d.Addr)
	for _, addr := range d.Fallback {
		if err == nil || ctx.Err() != nil {
			break
		}
		nc, err = d.dial(ctx, addr)
	}
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return d.newCall(nc), nil
}

func (d *Dialer) dial(ctx context.Context, addr string) (net.Conn, error) {
	a, err := listen.ParseFor(d.Protocol, addr)
	if err != nil {
		return nil, err
	}
	if timeout := cmp.Or(d.DialTimeout, defaultDialTimeout); timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	switch a.Network {
	case "tcp":
		var system net.Dialer
		return system.DialContext(ctx, "tcp", net.JoinHostPort(a.Host, strconv.Itoa(int(a.Port))))
	case "unix":
		return dialUnix(ctx, a.Path)
	}
	return nil, &listen.AddressError{Input: addr, Reason: "is nothing that can be called: write HOST:PORT or unix:/PATH"}
}

// What a zero field means.
const (
	defaultDialTimeout = 10 * time.Second
	defaultCallTimeout = 60 * time.Second
)

// dialUnix waits where Linux does not: a listener whose backlog is full answers EAGAIN at once over
// a unix socket, and makes the client wait over TCP. nginx hands that to its client as a 502.
func dialUnix(ctx context.Context, path string) (net.Conn, error) {
	var system net.Dialer
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		nc, err := system.DialContext(ctx, "unix", path)
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

// unreachable is what a client may hear of a failed dial. ctx is the request's own.
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

// Failure is what a client may hear of an exchange under ctx that ended with err:
// [gateway.ContextError] where ctx has ended, and else a [*gateway.BackendError], of 504 where the
// application was too slow and of 502 where it broke off. That wraps err, an io.EOF as
// io.ErrUnexpectedEOF.
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
