package transport

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
)

// HandleRequest is Serve for one request. It accepts the connections of l one after the other until
// a request arrives on one, and returns nil when that connection has ended. The connection takes no
// second request. A connection that ends without a request does not count.
//
// l stays open when the error is nil, and HandleRequest may be called again. Another error is what
// Serve would return, and l is closed then.
func (cs *Conns) HandleRequest(l net.Listener, s Service) error {
	s.single = &single{Listener: l, ended: make(chan bool, 1), closed: make(chan struct{})}
	err := cs.Serve(s.single, s)
	if errors.Is(err, errHandled) {
		return nil
	}
	return err
}

// errHandled ends the loop that accepts.
var errHandled = errors.New("listen: the request was handled")

// single is a listener that gives one connection at a time, until one has had a request.
type single struct {
	net.Listener
	given   bool      // Accept has returned a connection
	ended   chan bool // gets whether that had a request, when it has ended
	handled atomic.Bool

	closing sync.Once
	closed  chan struct{}
}

// Accept waits until the connection before has ended.
func (l *single) Accept() (net.Conn, error) {
	if l.given {
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
	l.given = err == nil
	return nc, err
}

// Close closes the listener, unless it is for the next call.
func (l *single) Close() (err error) {
	l.closing.Do(func() {
		close(l.closed)
		if !l.handled.Load() {
			err = l.Listener.Close()
		}
	})
	return err
}

// end notes that the connection has ended. l may be nil.
func (l *single) end(requested bool) {
	if l != nil {
		l.ended <- requested
	}
}
