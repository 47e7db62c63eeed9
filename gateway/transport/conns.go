package transport

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/internal/accept"
)

// Conns holds the connections of one server: it accepts them, checks who is there, counts them, and
// ends them at shutdown. Every server of this module is built on it, and the author of a new
// transport needs only to write what is done with one connection (see the example). The zero value
// is ready; it must not be copied after first use, and all its methods may be called at the same
// time.
//
// A server keeps a Conns in an unexported field and passes its own methods through:
//
//	func (s *Server) Serve(l net.Listener) error {
//		return s.conns.Serve(l, listen.Service{Handle: s.serveConn, MaxConns: s.MaxConns})
//	}
//	func (s *Server) Shutdown(ctx context.Context) error { return s.conns.Shutdown(ctx) }
//	func (s *Server) Close() error                       { return s.conns.Close() }
//
// A Conns that was shut down or closed stays so.
type Conns struct {
	mu        sync.Mutex
	started   bool          // the fields below are made
	stopping  bool          // by Shutdown or Close: a listener whose Accept fails has ended
	closed    bool          // by Close: no connection is taken any more
	quitting  atomic.Bool   // stopping, for those who do not hold mu
	quit      chan struct{} // closed when stopping begins
	drained   chan struct{} // closed when stopping, and every listener and handler has ended
	ctx       context.Context
	cancel    func()
	listeners map[*servedListener]struct{}
	conns     map[*Conn]struct{}
	refusing  int   // of conns, those that are only being told that they are refused
	closeErr  error // the first of closing a listener
	isDrained bool  // drained is closed
	stats     Stats

	log      *slog.Logger   // of the last Serve; guarded by mu
	requests atomic.Int64   // under way
	troubles accept.Notices // that were logged
}

// Service says what Conns.Serve does with the connections of a listener. A server that serves
// several listeners passes the same Service for each: MaxConns counts the connections of all of
// them.
type Service struct {
	// Handle serves one connection in a goroutine of its own, and the connection ends when it
	// returns: Handle may close it, but need not. ctx ends when the server is closed, with
	// gateway.ErrServerClosed as its cause (not at Shutdown, which waits for active connections). A
	// panic in Handle is logged with its stack and ends this connection only, over TCP by a reset.
	// Handle must not be nil.
	Handle func(ctx context.Context, c *Conn)

	// Refuse, if not nil, is handed each connection above MaxConns, so that the peer gets its
	// protocol's own answer. It runs in a goroutine of its own under a deadline of 5 seconds, and
	// the connection is closed when it returns. At most 64 connections are being refused so at one
	// time; the rest, and all when Refuse is nil, are closed at once.
	Refuse func(net.Conn)

	// MaxConns limits the open connections. Zero and negative are no limit.
	MaxConns int

	// AllowedPeers and AllowedUIDs say who may connect: TCP peers by address, peers on a unix
	// socket by effective user id at the time they connected. While both are empty, everyone may.
	// Once either has an entry, a peer must be in the list of its kind: with AllowedPeers alone,
	// peers on a unix socket are refused, as FCGI_WEB_SERVER_ADDRS has it (FastCGI section 3.2). A
	// refused peer's connection is closed.
	//
	// IPv4 peers of a dual-stack listener match IPv4 prefixes; IPv6 zones are not compared. User
	// ids are known on Linux only (SO_PEERCRED): elsewhere AllowedUIDs refuses every peer on a unix
	// socket.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Log gets one line for each thing that went wrong: the first connection above MaxConns, the
	// first wrong peer, the first failed accept (each again only after a minute without), each
	// panic. Nil is slog.Default().
	Log *slog.Logger

	single *single // of HandleRequest
}

// Stats is a server's connections in figures.
type Stats struct {
	Accepted     uint64 // connections accepted so far, the refused ones among them
	Refused      uint64 // connections closed because of MaxConns, AllowedPeers or AllowedUIDs
	AcceptErrors uint64 // failures of Accept that passed
	Panics       uint64 // panics in Handle and Refuse
	Requests     int    // requests under way, where the server counts them (see Conns.BeginRequest)
	Active       int    // open connections with a request under way
	Idle         int    // open connections without
}

// Conn is one connection that a Conns has accepted. Its methods belong to the Handle function that
// was given it, and to the goroutines that Handle started and waits for.
type Conn struct {
	// Net is the connection as the listener returned it, *net.TCPConn or *net.UnixConn where the
	// listener is one of this package, so that sendfile(2) and writev(2) work on it.
	Net net.Conn

	conns *Conns
	log   *slog.Logger
	state atomic.Int32 // a connState; what Shutdown and Close make of it, they do under conns.mu
	cut   func()       // guarded by conns.mu

	refusing bool // above MaxConns
	detached bool // Handle has said so, in its own goroutine
	ended    atomic.Bool

	single    *single     // of HandleRequest
	requested atomic.Bool // Active was called, which single wants to know
}

// connState is what Shutdown does with a connection.
type connState int

const (
	stateNew      connState = iota // nothing read yet; the first request may be on its way
	stateIdle                      // between requests
	stateActive                    // a request is under way
	stateRefusing                  // above MaxConns
	stateClosed                    // Shutdown or Close closed it
)

const (
	// newGrace is how long Shutdown waits for the first byte of a connection just accepted: a web
	// server that has connected is about to send a request, which an immediate close would lose.
	newGrace = time.Second

	// refuseTime is how long a peer may take to hear that it is refused.
	refuseTime = 5 * time.Second

	// maxRefusing bounds the connections that wait for their refusal, for they are above MaxConns
	// already.
	maxRefusing = 64
)

// Active tells the server that a request has begun on c, so that Shutdown waits for it. It returns
// false when the server has closed c: the request must not be begun. A connection on which Active
// was never called is closed by Shutdown after a second.
func (c *Conn) Active() bool {
	if c.single != nil {
		c.requested.Store(true)
	}
	return c.become(stateActive)
}

// become changes the state, unless c is closed.
func (c *Conn) become(next connState) bool {
	for {
		state := c.state.Load()
		if connState(state) == stateClosed {
			return false
		}
		if c.state.CompareAndSwap(state, int32(next)) {
			return true
		}
	}
}

// Idle tells the server that no request is under way on c, so that Shutdown may close it at any
// time. It returns false when the server is being shut down, or c is HandleRequest's: no more
// requests are to be read, and Handle should finish what it has to say and return.
func (c *Conn) Idle() bool {
	if c.single != nil {
		return false
	}
	c.become(stateIdle)
	// asked only now: a Shutdown that began before may have seen stateActive
	if !c.conns.quitting.Load() {
		return true
	}
	c.become(stateActive)
	return false
}

// Ending reports whether c takes no request after the one that is under way: the server is being
// shut down or closed, or c is HandleRequest's.
func (c *Conn) Ending() bool { return c.single != nil || c.conns.quitting.Load() }

// Detach lets Handle return while c goes on in other goroutines: c is then closed by End, which
// must be called. A server whose connections change goroutines so needs none that only waits.
// Handle calls it, before anybody calls End.
func (c *Conn) Detach() { c.detached = true }

// End closes c and forgets it. For a connection that was not detached, the return of Handle is its
// End. Calls after the first do nothing.
func (c *Conn) End() {
	if c.ended.Swap(true) {
		return
	}
	c.Net.Close()
	c.conns.remove(c)
	c.single.end(c.requested.Load())
}

// OnClose says how Close ends c while a request is under way on it: cut has to close c.Net, so that
// the peer does not take what it has for a whole response. Close calls those of all connections at
// once and waits for them, so that cut must be quick. Without it, Close resets a TCP connection and
// closes others plainly.
func (c *Conn) OnClose(cut func()) {
	c.conns.mu.Lock()
	defer c.conns.mu.Unlock()
	c.cut = cut
}

// cutActive ends the connections on which a request is under way. It comes before the contexts end:
// an App that sees that may return an answer which would then pass for a whole one.
func (cs *Conns) cutActive() {
	cs.mu.Lock()
	var cuts []func()
	for c := range cs.conns {
		if c.state.CompareAndSwap(int32(stateActive), int32(stateClosed)) {
			cuts = append(cuts, c.cutter())
		}
	}
	cs.mu.Unlock()
	var cutting sync.WaitGroup
	for _, cut := range cuts {
		cutting.Go(cut)
	}
	cutting.Wait()
}

func (c *Conn) cutter() func() {
	if c.cut != nil {
		return c.cut
	}
	return func() {
		resetOnClose(c.Net)
		c.Net.Close()
	}
}

// Stats returns the figures of this moment. It looks at every connection, so it is for a status
// page and not for every request.
func (cs *Conns) Stats() Stats {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	s := cs.stats
	s.Requests = int(cs.requests.Load())
	for c := range cs.conns {
		switch connState(c.state.Load()) {
		case stateActive:
			s.Active++
		case stateNew, stateIdle:
			s.Idle++
		}
	}
	return s
}

// start makes the fields of a zero Conns. The caller holds mu.
func (cs *Conns) start() {
	if cs.started {
		return
	}
	cs.started = true
	cs.quit, cs.drained = make(chan struct{}), make(chan struct{})
	ctx, cancel := context.WithCancelCause(context.Background())
	cs.ctx, cs.cancel = ctx, func() { cancel(gateway.ErrServerClosed) }
	cs.listeners = make(map[*servedListener]struct{})
	cs.conns = make(map[*Conn]struct{})
}

// closeAll closes the connections whose state is wanted.
func (cs *Conns) closeAll(wanted func(connState) bool) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for c := range cs.conns {
		state := c.state.Load()
		for wanted(connState(state)) && !c.state.CompareAndSwap(state, int32(stateClosed)) {
			state = c.state.Load()
		}
		if wanted(connState(state)) {
			c.Net.Close()
		}
	}
}
