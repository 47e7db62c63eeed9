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
	"github.com/cgikit/cgikit/gateway/listen"
)

// Conns holds the connections of one server: it accepts them, checks their peers, counts them, and
// closes them at shutdown. Every server of this module is built on it. The author of a new
// transport writes only the function that serves one connection (see the example). The zero value
// is ready; it must not be copied after first use, and all its methods may be called at the same
// time.
//
// A server keeps a Conns in an unexported field and passes its own methods through:
//
//	func (s *Server) Serve(l net.Listener) error {
//		return s.conns.Serve(l, transport.Service{Handle: s.serveConn, MaxConns: s.MaxConns})
//	}
//	func (s *Server) Shutdown(ctx context.Context) error { return s.conns.Shutdown(ctx) }
//	func (s *Server) Close() error                       { return s.conns.Close() }
//
// A Conns cannot be used again after Shutdown or Close.
type Conns struct {
	mu        sync.Mutex
	started   bool          // the fields below are initialised
	stopping  bool          // set by Shutdown and Close: a failure of Accept now ends its loop
	closed    bool          // set by Close: new connections are closed at once
	quitting  atomic.Bool   // stopping, readable without mu
	quit      chan struct{} // closed when stopping begins
	drained   chan struct{} // closed when stopping and every listener and connection is closed
	ctx       context.Context
	cancel    func()
	listeners map[*servedListener]struct{}
	conns     map[*Conn]struct{}
	refusing  int   // connections in conns that are being refused
	closeErr  error // the first error of closing a listener
	isDrained bool  // drained is closed
	stats     Stats

	log      *slog.Logger   // Service.Log of the last Serve; guarded by mu
	requests atomic.Int64   // under way
	warnings accept.Notices // when each warning was last logged
}

// Service is how Conns.Serve treats the connections of a listener. A server that serves several
// listeners passes the same Service for each: MaxConns counts the connections of all of them.
type Service struct {
	// Handle serves one connection in its own goroutine. The connection is closed when Handle
	// returns; Handle may close it, but need not. ctx ends when the server is closed, with
	// gateway.ErrServerClosed as its cause (not at Shutdown, which waits for active connections). A
	// panic in Handle is logged with its stack and ends this connection only, over TCP by a reset.
	// Handle must not be nil.
	Handle func(ctx context.Context, c *Conn)

	// Refuse, if not nil, gets each connection above MaxConns, so that the peer gets an answer of
	// its protocol. It runs in its own goroutine under a deadline of 5 seconds, and the connection
	// is closed when it returns. At most 64 connections are refused in this way at one time. The
	// others, and all of them if Refuse is nil, are closed at once.
	Refuse func(net.Conn)

	// MaxConns limits the open connections. Zero and negative mean no limit.
	MaxConns int

	// AllowedPeers and AllowedUIDs say who may connect: TCP peers by address, peers on a unix
	// socket by effective user id at the time they connected. If both are empty, every peer may
	// connect. If either has an entry, a peer must be in the list of its kind: with AllowedPeers
	// alone, peers on a unix socket are refused, as FCGI_WEB_SERVER_ADDRS requires (FastCGI section
	// 3.2). A refused peer's connection is closed.
	//
	// Of a *listen.ProxyConn, the peer is the proxy and not the client that it announces. If both
	// lists are empty, such a peer must have a loopback address or be on a unix socket.
	//
	// IPv4 peers of a dual-stack listener match IPv4 prefixes; IPv6 zones are not compared. User
	// ids are known on Linux only (SO_PEERCRED): elsewhere AllowedUIDs refuses every peer on a unix
	// socket.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Log gets one line for each problem: the first connection above MaxConns, the first peer that
	// is not allowed, the first failed accept (each again only after a minute without it), and each
	// panic. Nil means slog.Default().
	Log *slog.Logger

	single *single // set by HandleRequest
}

// Stats counts the connections and requests of a server.
type Stats struct {
	Accepted     uint64 // connections accepted so far, including the refused ones
	Refused      uint64 // connections closed because of MaxConns, AllowedPeers or AllowedUIDs
	AcceptErrors uint64 // temporary failures of Accept
	Panics       uint64 // panics in Handle and Refuse
	Requests     int    // requests under way, if the server counts them (see Conns.BeginRequest)
	Active       int    // open connections with a request under way
	Idle         int    // open connections without a request
}

// Conn is one connection that a Conns has accepted. Only Handle, and goroutines that Handle starts
// and waits for, may call its methods.
type Conn struct {
	// Net is the connection as the listener returned it. From a listener of package listen it is a
	// *net.TCPConn or *net.UnixConn, so that sendfile(2) and writev(2) work on it.
	// The header of a *listen.ProxyConn has been read, and Net is the connection in it.
	Net net.Conn

	proxy *listen.ProxyConn // nil if the connection has no PROXY protocol header
	conns *Conns
	log   *slog.Logger
	state atomic.Int32 // a connState; Shutdown and Close change it under conns.mu
	abort func()       // how Close ends c (see OnClose); guarded by conns.mu

	refusing bool // above MaxConns
	detached bool // set by Detach, in the goroutine of Handle
	ended    atomic.Bool

	single    *single     // set by HandleRequest
	requested atomic.Bool // Active was called; used with single only
}

// connState is the state of a connection, which decides how Shutdown treats it.
type connState int

const (
	stateNew      connState = iota // nothing read yet; the first request may be about to arrive
	stateIdle                      // between requests
	stateActive                    // a request is under way
	stateRefusing                  // above MaxConns
	stateClosed                    // Shutdown or Close closed it
)

const (
	// newGrace is how long Shutdown waits for the first byte of a connection that was just
	// accepted. A web server that has connected is about to send a request, which an immediate
	// close would lose.
	newGrace = time.Second

	// refuseTime bounds the writing of a refusal.
	refuseTime = 5 * time.Second

	// maxRefusing bounds the connections that are being refused at one time, since they come on top
	// of MaxConns.
	maxRefusing = 64
)

// Active tells the server that a request has begun on c, so that Shutdown waits for it. It returns
// false when the server has closed c: the request must not begin. Shutdown closes a connection on
// which Active was never called after a second.
func (c *Conn) Active() bool {
	if c.single != nil {
		c.requested.Store(true)
	}
	return c.setState(stateActive)
}

// setState changes the state and returns true, unless c is closed.
func (c *Conn) setState(to connState) bool {
	for {
		state := c.state.Load()
		if connState(state) == stateClosed {
			return false
		}
		if c.state.CompareAndSwap(state, int32(to)) {
			return true
		}
	}
}

// Idle tells the server that no request is under way on c, so that Shutdown may close it at any
// time. It returns false when the server is being shut down, or when c is served by HandleRequest:
// then Handle should read no more requests, finish what it is writing, and return.
func (c *Conn) Idle() bool {
	if c.single != nil {
		return false
	}
	c.setState(stateIdle)
	// checked after the change of state: a Shutdown that began before it may have seen stateActive
	if !c.conns.quitting.Load() {
		return true
	}
	c.setState(stateActive)
	return false
}

// Ending reports whether the request under way is the last of c: the server is being shut down or
// closed, or c is served by HandleRequest.
func (c *Conn) Ending() bool { return c.single != nil || c.conns.quitting.Load() }

// RemoteAddr returns the address that a PROXY protocol header announces (see listen.ProxyConn), and
// otherwise that of the peer.
func (c *Conn) RemoteAddr() net.Addr {
	if c.proxy != nil {
		return c.proxy.RemoteAddr()
	}
	return c.Net.RemoteAddr()
}

// Detach lets Handle return while other goroutines continue to serve c, without a goroutine that
// only waits for them. The server must call End, which then closes c. Detach is called by Handle,
// before any call of End.
func (c *Conn) Detach() { c.detached = true }

// End closes c and removes it from its Conns. It is called when Handle returns, unless c was
// detached. Calls after the first do nothing.
func (c *Conn) End() {
	if c.ended.Swap(true) {
		return
	}
	c.Net.Close()
	c.conns.remove(c)
	c.single.noteClosed(c.requested.Load())
}

// OnClose sets the function by which Conns.Close ends c while a request is under way. abort must
// close c.Net in such a way that the peer does not take what it has received for a complete
// response. Close calls the functions of all connections at the same time and waits for them, so
// abort must be quick. Without OnClose, Close resets a TCP connection and closes any other.
func (c *Conn) OnClose(abort func()) {
	c.conns.mu.Lock()
	defer c.conns.mu.Unlock()
	c.abort = abort
}

// abortActive aborts the connections on which a request is under way. Close calls it before the
// contexts end: an App whose context ends may return, and its response would then look complete.
func (cs *Conns) abortActive() {
	cs.mu.Lock()
	var aborts []func()
	for c := range cs.conns {
		if c.state.CompareAndSwap(int32(stateActive), int32(stateClosed)) {
			aborts = append(aborts, c.abortFunc())
		}
	}
	cs.mu.Unlock()
	var wg sync.WaitGroup
	for _, abort := range aborts {
		wg.Go(abort)
	}
	wg.Wait()
}

func (c *Conn) abortFunc() func() {
	if c.abort != nil {
		return c.abort
	}
	return func() {
		resetOnClose(c.Net)
		c.Net.Close()
	}
}

// Stats returns the current figures. It visits every connection, so call it for a status page, not
// for every request.
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

// start initialises a zero Conns. The caller holds mu.
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

// closeAll closes the connections for whose state wanted returns true.
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
