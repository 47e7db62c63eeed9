package scgi

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
)

// closedError returns the error of an exchange that Close has ended, or that begins after Close.
// The gateway is to blame for it, not the application.
func closedError() error {
	return &gateway.ServerError{Status: 503, Reason: "the server is shutting down", Err: ErrClientClosed}
}

// reserve reserves a slot of MaxConns, and waits if all are taken. If the error is nil, the caller
// must release the slot.
func (c *Client) reserve(ctx context.Context) error {
	c.line.Lock()
	c.requests++
	turn, err := c.line.Join(exchange.LineBounds{Slots: c.MaxConns, Timeout: cmp.Or(c.WaitTimeout, transport.DefaultTimeout)})
	c.line.Unlock()
	if err == nil {
		_, err = turn.Wait(ctx)
	}
	switch {
	case errors.Is(err, exchange.ErrLineTimeout):
		err = fmt.Errorf("scgi: all of MaxConns connections were busy for WaitTimeout: %w", err)
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: err}
	case err != nil && ctx.Err() != nil:
		return transport.Failure(ctx, ctx.Err())
	}
	return err
}

// release releases the slot of x.
func (c *Client) release(x *call) {
	c.line.Lock()
	defer c.line.Unlock()
	delete(c.calls, x)
	c.line.Release()
}
