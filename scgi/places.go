package scgi

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// The places of a Client are what MaxConns counts: one for each request that has a connection, or is about to.

func closedError() error {
	return &gateway.BackendError{Status: 503, Reason: "the server is shutting down", Err: ErrClientClosed}
}

// errNoPlace is the detail of a wait that was too long.
var errNoPlace = errors.New("scgi: all of MaxConns connections were busy for WaitTimeout")

// enter takes a place, and waits for one where there is none. leave must follow when it was taken.
func (c *Client) enter(ctx context.Context) error {
	c.mu.Lock()
	c.requests++
	switch {
	case c.closed:
		c.mu.Unlock()
		return closedError()
	case c.MaxConns <= 0 || c.places < c.MaxConns:
		c.places++
		c.mu.Unlock()
		return nil
	}
	w := make(chan error, 1)
	c.waiting = append(c.waiting, w)
	c.mu.Unlock()
	return c.await(ctx, w)
}

func (c *Client) await(ctx context.Context, w chan error) error {
	var late <-chan time.Time
	if timeout := cmp.Or(c.WaitTimeout, defaultTimeout); timeout > 0 {
		timer := time.NewTimer(timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err := <-w:
		return err
	case <-ctx.Done():
		c.giveUp(w)
		return transport.Failure(ctx, ctx.Err())
	case <-late:
		c.giveUp(w)
		return &gateway.BackendError{Status: 503, Reason: "the application has no room for more requests", Err: errNoPlace}
	}
}

// giveUp ends a wait in vain. A place that w was given in the same moment goes to the next one.
func (c *Client) giveUp(w chan error) {
	c.mu.Lock()
	i := slices.Index(c.waiting, w)
	if i >= 0 {
		c.waiting = slices.Delete(c.waiting, i, i+1)
	}
	c.mu.Unlock()
	if i < 0 && <-w == nil {
		c.leave(nil)
	}
}

// leave gives the place of x back; x is nil where it came to none.
func (c *Client) leave(x *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.calls, x)
	if len(c.waiting) == 0 {
		c.places--
		return
	}
	c.waiting[0] <- nil
	c.waiting = slices.Delete(c.waiting, 0, 1)
}
