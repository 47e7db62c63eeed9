package cgi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/cgikit/cgikit/gateway"
)

// queue lets a bounded number of scripts run at the same time, first come, first served.
type queue struct {
	once    sync.Once
	running chan struct{} // nil for no bound
	waiting atomic.Int64
}

// enter returns nil when one more script may run, until leave is called for it.
func (q *queue) enter(ctx context.Context, most, waiting int) error {
	if most <= 0 {
		return nil
	}
	q.once.Do(func() { q.running = make(chan struct{}, most) })
	select {
	case q.running <- struct{}{}:
		return nil
	default:
	}
	defer q.waiting.Add(-1)
	if q.waiting.Add(1) > int64(waiting) {
		return busy(fmt.Errorf("cgi: %d scripts run, and %d requests wait", most, max(waiting, 0)))
	}
	select {
	case q.running <- struct{}{}:
		return nil
	case <-ctx.Done():
		return interrupted(ctx, most)
	}
}

// leave lets the next one in.
func (q *queue) leave() {
	if q.running != nil {
		<-q.running
	}
}

func busy(err error) error {
	return &gateway.BackendError{Status: 503, Reason: "too many scripts are running", Err: err}
}

// interrupted tells a wait that took too long from a request that was given up, of which nobody is to hear.
func interrupted(ctx context.Context, most int) error {
	err := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return busy(fmt.Errorf("cgi: %d scripts run, and none has ended in time: %w", most, err))
	}
	return &gateway.BackendError{Status: 502, Reason: "the request was given up", Err: err}
}
