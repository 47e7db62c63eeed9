package transport

import (
	"context"
	"errors"
	"net"
	"time"
)

// queueTime is how long Shutdown goes on accepting the connections in the queue of a listener, and
// longer while the queue is not empty (see accept.Drain). The system has accepted those
// connections, and closing the listener would reset them. A web server that has connected is about
// to send a request.
const queueTime = 10 * time.Millisecond

// Shutdown shuts the server down gracefully, as http.Server does: it accepts the connections in the
// queues of the listeners, closes the listeners and the idle connections, and waits until the other
// connections are closed. It returns the first error of closing a listener. If ctx ends earlier, it
// returns the error of ctx; the remaining connections then continue until Close closes them.
func (cs *Conns) Shutdown(ctx context.Context) error {
	cs.stop((*servedListener).drain)
	cs.closeAll(func(s connState) bool { return s == stateIdle })
	grace := time.NewTimer(newGrace)
	defer grace.Stop()
	for {
		select {
		case <-cs.drained:
			return cs.closeError()
		default:
		}
		select {
		case <-cs.drained:
		case <-grace.C:
			cs.closeAll(func(s connState) bool { return s == stateNew })
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Close closes the listeners and every connection at once, and ends the context of every Handle. A
// connection with a request under way is closed so that the peer can see that the response is not
// complete (see Conn.OnClose). Close returns the first error of closing a listener. It does not
// wait for Handle to return; a Shutdown after it does.
func (cs *Conns) Close() error {
	cs.mu.Lock()
	cs.closed = true
	cs.mu.Unlock()
	cs.stop((*servedListener).closeNow)
	cs.abortActive()
	cs.cancel()
	cs.closeAll(func(s connState) bool { return s != stateClosed })
	return cs.closeError()
}

// stop marks the server as stopping, and calls stopListener for every listener.
func (cs *Conns) stop(stopListener func(*servedListener)) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.start()
	if !cs.stopping {
		cs.stopping = true
		cs.quitting.Store(true)
		close(cs.quit)
		cs.checkDrained()
	}
	for l := range cs.listeners {
		stopListener(l)
	}
}

// checkDrained wakes the waiting Shutdowns if no listener and no connection is left. The caller
// holds mu.
func (cs *Conns) checkDrained() {
	if !cs.stopping || len(cs.conns) > 0 || len(cs.listeners) > 0 || cs.isDrained {
		return
	}
	cs.isDrained = true
	close(cs.drained)
}

func (cs *Conns) closeError() error {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for l := range cs.listeners { // Close does not wait for the accept loops
		cs.noteCloseError(l)
	}
	return cs.closeErr
}

// noteCloseError keeps the first error of closing a listener. The caller holds mu.
func (cs *Conns) noteCloseError(l *servedListener) {
	if err := l.Close(); cs.closeErr == nil && !errors.Is(err, net.ErrClosed) {
		cs.closeErr = err
	}
}

// drainer is a listener of package listen. Drain lets its Accept return the connections in the
// queue until the given time and fail afterwards.
type drainer interface{ Drain(until time.Time) error }

// drain lets the accept loop accept the connections in the queue. The loop then closes the
// listener.
func (l *servedListener) drain() {
	err, until := errors.ErrUnsupported, time.Now().Add(queueTime)
	switch inner := l.Listener.(type) {
	case drainer:
		err = inner.Drain(until)
	case interface{ SetDeadline(time.Time) error }:
		err = inner.SetDeadline(until)
	}
	if err != nil {
		l.closeNow()
	}
}

// closeNow makes Accept fail. noteCloseError returns the error of closing later.
func (l *servedListener) closeNow() { l.Close() }
