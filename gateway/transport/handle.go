package transport

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// HandleRequest is Serve for one request. It accepts connections on l one after the other until a
// request arrives on one, and returns nil when that connection is closed. It serves no second
// request on the connection. A connection that is closed without a request does not count.
//
// If the error is nil, l stays open and HandleRequest may be called again. Any other error is one
// that Serve would return, and l is closed.
func (cs *Conns) HandleRequest(l net.Listener, s Service) error {
	s.single = &single{Listener: l, ended: make(chan bool, 1), closed: make(chan struct{})}
	err := cs.Serve(s.single, s)
	if errors.Is(err, errHandled) {
		return nil
	}
	return err
}

// errHandled ends the accept loop.
var errHandled = errors.New("transport: the request was handled")

// single is a listener that accepts one connection at a time, until one has had a request.
type single struct {
	net.Listener
	accepted bool      // Accept has returned a connection that may still be open
	ended    chan bool // receives whether that connection had a request, when it is closed
	handled  atomic.Bool

	closing sync.Once
	closed  chan struct{}
}

// Accept waits until the connection that it returned last is closed.
func (l *single) Accept() (net.Conn, error) {
	if l.accepted {
		select {
		case requested := <-l.ended:
			if requested {
				l.handled.Store(true)
				return nil, errHandled
			}
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
	nc, err := l.Listener.Accept()
	l.accepted = err == nil
	return nc, err
}

// Close closes the listener, unless a request was handled: then the next call of HandleRequest uses
// it.
func (l *single) Close() (err error) {
	l.closing.Do(func() {
		close(l.closed)
		if !l.handled.Load() {
			err = l.Listener.Close()
		}
	})
	return err
}

// noteClosed tells Accept that the connection is closed. l may be nil.
func (l *single) noteClosed(requested bool) {
	if l != nil {
		l.ended <- requested
	}
}
