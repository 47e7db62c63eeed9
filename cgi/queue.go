package cgi

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
)

// reserve reserves a slot of MaxScripts, and waits if all are taken. If the error is nil, the
// caller must release the slot.
func (s *Script) reserve(ctx context.Context) error {
	s.line.Lock()
	turn, err := s.line.Join(exchange.LineBounds{Slots: s.MaxScripts, Waiting: cmp.Or(s.MaxQueue, defaultMaxQueue)})
	s.line.Unlock()
	if err == nil {
		_, err = turn.Wait(ctx)
	}
	switch {
	case err == nil || errors.Is(err, ErrClosed):
		return err
	case errors.Is(err, exchange.ErrLineFull):
		s.noteRefused()
		return busy(fmt.Errorf("cgi: %d scripts run, and %d requests wait", s.MaxScripts, max(cmp.Or(s.MaxQueue, defaultMaxQueue), 0)))
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		s.noteRefused()
		return busy(fmt.Errorf("cgi: %d scripts run, and none has ended in time: %w", s.MaxScripts, err))
	}
	return gateway.ContextError(ctx)
}

// busy returns the error of a request for which MaxScripts and MaxQueue have no room.
func busy(err error) error {
	return &gateway.BackendError{Status: 503, Reason: "too many scripts are running", Err: err}
}
