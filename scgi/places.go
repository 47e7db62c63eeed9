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

func closedError() error {
	return &gateway.BackendError{Status: 503, Reason: "the server is shutting down", Err: ErrClientClosed}
}

// reserve takes a slot under MaxConns, and waits for one if all are taken. It must be released when
// the error is nil.
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

// release gives the slot of x back.
func (c *Client) release(x *call) {
	c.line.Lock()
	defer c.line.Unlock()
	delete(c.calls, x)
	c.line.Release()
}
