package transport

import (
	"context"
	"errors"
	"net"
	"time"
)

// queueTime is how long Shutdown goes on accepting what waits in the queue of a listener, and
// longer while the queue is not empty (see accept.Rest). The system has taken those connections,
// and closing the listener would reset them: a web server that has connected is about to send a
// request.
const queueTime = 10 * time.Millisecond

// Shutdown ends the server gracefully, in http.Server's sense: it takes what waits in the queues of
// the listeners and closes them, closes the idle connections, and waits until the listeners are
// closed and Handle has returned for the other connections. It returns the first error of closing a
// listener, or the error of ctx when that ends earlier; the connections left over then go on, and
// Close ends them.
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

// Close closes the listeners and every connection at once, those with a request under way so that
// the peer can tell (see Conn.OnClose), and ends the context of every Handle. It returns the first
// error of closing a listener, and does not wait for Handle to return: a Shutdown after it does.
func (cs *Conns) Close() error {
	cs.mu.Lock()
	cs.closed = true
	cs.mu.Unlock()
	cs.stop((*servedListener).closeNow)
	cs.cutActive()
	cs.cancel()
	cs.closeAll(func(s connState) bool { return s != stateClosed })
	return cs.closeError()
}

// stop begins the end of the server, if it has not begun, and ends every listener by end.
func (cs *Conns) stop(end func(*servedListener)) {
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
		end(l)
	}
}

// checkDrained tells the waiting Shutdowns that no listener and no connection is left. The caller
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
	for l := range cs.listeners { // a Close does not wait for the loops that accept
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

// drainer is a listener, as package listen has some, that takes what waits in its queue until then
// and nothing more: its Accept fails afterwards.
type drainer interface{ Drain(until time.Time) error }

// drain lets the accept loop take what waits in the queue; the loop then closes the listener.
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

// closeNow makes Accept fail. The error of closing is kept for noteCloseError.
func (l *servedListener) closeNow() { l.Close() }
