package load

import (
	"context"
	"errors"
	"net"
	"time"
)

// Plan says what is sent, where to, and for how long. A Plan must not change while it runs.
type Plan struct {
	Network, Addr string // "unix" or "tcp"

	// Connect makes the connections in place of the system, if it is not nil. Several calls may be
	// under way at once.
	Connect func(ctx context.Context) (net.Conn, error)

	// Requests are the bytes of the request, once for each request that is under way on a
	// connection at the same time. Those of FastCGI have the ids 1, 2, 3 in this order.
	Requests [][]byte
	Decoder  func() Decoder // of each connection
	NoKeep   bool           // each request has a connection of its own

	Conns   int           // at least 1
	Count   int64         // requests; 0 is no bound
	Span    time.Duration // in which requests begin; 0 is no bound
	Warmup  time.Duration // before the span, of which nothing is counted
	Rate    float64       // requests that begin in a second; 0 is one as soon as another has ended
	Timeout time.Duration // of each request; at least a millisecond

	FailFast bool // the first error ends the run

	// Watch is called several times a second from the goroutine of Run, if it is not nil. It must
	// not keep the Result, which changes.
	Watch func(now time.Time, r *Result)
}

// ErrNothing is the error of a run in which no request could begin.
var ErrNothing = errors.New("load: no request has begun")

// Run sends requests until Count of them have ended, or until Span is over and those under way have
// ended. It returns what came by then when ctx ends. An error means that the run itself was not
// possible: what goes wrong with a request is in the Result.
func (p *Plan) Run(ctx context.Context) (*Result, error) {
	if p.Conns < 1 || len(p.Requests) < 1 || p.Timeout < time.Millisecond || p.Count <= 0 && p.Span <= 0 {
		return nil, errors.New("load: a plan without connections, requests, a timeout or an end")
	}
	n, err := p.network()
	if err != nil {
		return nil, err
	}
	defer n.close()
	r := newRunner(p, n)
	return r.run(ctx)
}

// network is where the connections are.
func (p *Plan) network() (network, error) {
	if p.Connect != nil {
		return newNetConns(p.Conns, p.Connect), nil
	}
	return newSystemNetwork(p)
}

// network makes connections, which have numbers from 0, and reports what happens on them. Its
// methods are called from one goroutine.
type network interface {
	// dial begins to make connection i, which must not exist.
	dial(i int) error
	// send sends bytes, which must not change until the connection is dropped or they are sent.
	send(i int, p []byte) error
	// discard closes connection i, if it exists.
	discard(i int)
	// wait calls h for what has happened, and returns at the latest after the timeout.
	wait(timeout time.Duration, h handler) error
	// close closes all.
	close()
}

// handler is told what has happened on connection i.
type handler interface {
	handleConnected(i int)
	handleBytes(i int, p []byte)     // p is valid until the return
	handleClosed(i int, cause error) // nil: by the peer, after all its bytes
}
