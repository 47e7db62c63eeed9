package scgi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
)

// ErrServerClosed is what Serve and ListenAndServe return after Shutdown or Close. It is
// gateway.ErrServerClosed.
var ErrServerClosed = gateway.ErrServerClosed

// DefaultAddr is the address of a Server that has none: port 4000 of the loopback interface, as in
// most SCGI manuals.
const DefaultAddr = "127.0.0.1:4000"

// Server answers SCGI requests with an App. Its fields are those of every server of this module,
// but for an IdleTimeout: a connection carries one request (SCGI section 4), and ReadTimeout
// bounds the wait for that one. They must not be changed once Serve was called. Besides App, the
// zero value serves correctly and safely. It must not be copied.
//
// The methods may be called at the same time, and Serve for several listeners.
//
// # What is accepted
//
// A request is a netstring that holds pairs of name NUL value NUL, and then the body. The first
// variable must be CONTENT_LENGTH, SCGI must be 1, and the netstring's length must be written
// without leading zeros. What is not SCGI is not answered: the connection is closed, and one line
// logged. SCGI with a fault is answered with a page: 400 for a malformed or contradictory
// CONTENT_LENGTH and for a variable without a name, 411 for an empty CONTENT_LENGTH, 413 and 431
// for what is over a limit, 503 over MaxConns and MaxRequests.
//
// SCGI section 3 forbids a name that occurs twice. Both are kept here, and the last counts: nginx
// sends a parameter and its override as two.
//
// # The body comes first
//
// An App should read what it needs of the body before its response grows over 4 KiB or is flushed.
// nginx 1.22 sends no more of a body once the response has begun, so that an App which copies a
// large body to its response waits until ReadTimeout. What an App leaves unread does no harm.
//
// # The end of a response
//
// SCGI ends a response by closing the connection. A response that fails after its head was sent
// must not end so, or a part would pass for the whole: the connection is reset. Over TCP that is
// SO_LINGER 0. Linux resets a unix socket only if input is unread, so the request's last byte
// stays unread until the response is complete. On other systems a unix socket cannot be reset, and
// only a Content-Length shows what is missing.
//
// A complete response is never reset. Where the peer has sent more than the App has read, the
// sending side is closed, and the rest read and discarded: for at most 30 seconds, 5 seconds
// without a byte, or 256 MiB.
//
// # A peer that goes away
//
// The context of a request ends when the web server closes its connection, which web servers do
// when their client went away. Linux is the only system on which that is watched, and only once
// the App has asked for Context().Done(). On a unix socket a close can be told from a half-close,
// which socat does after its request while it waits for the response. Over TCP it cannot, and both
// end the context, as in net/http; the response is sent in either case. On other systems, and
// without Done, a Write that fails shows that the peer has gone.
type Server struct {
	// App answers the requests, each in a goroutine of its own. It must be set. A panic in it ends
	// that request only.
	App gateway.App

	// Addr is where ListenAndServe listens, in the grammar of package listen, with the scheme scgi
	// or none: "127.0.0.1:4000", "unix:/run/app.sock?mode=0660", "scgi+systemd:". Empty is
	// DefaultAddr.
	Addr string

	// ErrorLog takes one line for each thing that went wrong: an app that failed, a request that is
	// not SCGI, a limit that was met. Nil is slog.Default(). A peer that goes away is worth no
	// line.
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the head of a request, from the moment of the connection to
	// the last byte of the head, and after that each wait for more of the body. Zero is 60 seconds,
	// negative is no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds each wait for the peer to take some more of the response; how long all of
	// it takes is not bounded. Zero is 60 seconds, negative is no bound.
	WriteTimeout time.Duration

	// RequestTimeout ends the context of a request, counted from its head. What follows from that
	// is up to the App. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the header block of a request, in bytes without the netstring's own; a
	// larger one is answered 431 without being read. Zero is 256 KiB, negative is no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of a request; more are answered 431. Zero is 1,024,
	// negative is no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request; a larger one is answered 413 without being read.
	// Zero and negative are no bound.
	MaxBodyBytes int64

	// MaxConns bounds the open connections of all listeners, and MaxRequests the requests that the
	// App answers at the same time. What is above is answered 503. Zero and negative are no bound.
	MaxConns    int
	MaxRequests int

	// Refused, if not nil, is told of each request that is answered without the App: 400, 404, 411,
	// 413, 431, 503. Where the variables are the reason, its Environ is empty. It is called by
	// several goroutines at the same time. Connections above MaxConns are not told: no request was
	// read from them.
	Refused func(*gateway.Refusal)

	// AllowedPeers and AllowedUIDs say who may connect: by address over TCP, by user id (Linux
	// only) on a unix socket. While both are empty, everyone may; once either has an entry, others
	// are closed without an answer.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Mount is the path under which the web server has the App, "/" for the root, where the web
	// server does not say so itself: stock nginx sends neither SCRIPT_NAME nor PATH_INFO. See
	// exchange.Mount. Empty leaves all as it was sent.
	Mount string

	conns transport.Conns
}

// Serve answers the connections of l with app until l fails. It is the short form of Server.Serve,
// and never returns nil.
func Serve(l net.Listener, app gateway.App) error {
	return (&Server{App: app}).Serve(l)
}

// ListenAndServe listens on addr, as Server.Addr describes it, and calls Serve.
func ListenAndServe(addr string, app gateway.App) error {
	return (&Server{App: app, Addr: addr}).ListenAndServe()
}

// ListenAndServe listens on Addr and calls Serve. An address that cannot be used is a
// [*listen.AddressError]; a failure to listen is what the system said.
func (s *Server) ListenAndServe() error {
	l, err := listen.ListenFor("scgi", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve answers the connections of l, one request each, and closes l when it returns. Its error is
// never nil: what made l fail, or [gateway.ErrServerClosed] after Shutdown and Close. Failures of
// Accept that pass are tried again.
func (s *Server) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.Serve(l, s.service())
}

// HandleRequest answers one request that comes in on l, and returns nil when its connection has
// ended. l stays open then, for the next call; where Serve would end, HandleRequest returns what
// Serve returns, and closes l. It is for tests, and for programs that do something else between two
// requests. A connection on which no request comes does not count.
func (s *Server) HandleRequest(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.HandleRequest(l, s.service())
}

var errNoApp = errors.New("scgi: Server.App is nil")

func (s *Server) service() transport.Service {
	sv := newService(s)
	return transport.Service{
		Handle:       sv.serve,
		Refuse:       refuseBusy,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          sv.log,
	}
}

// Shutdown stops listening, closes connections on which no request has come within a second, and
// waits until the requests under way are answered. When ctx ends first it returns that error, and
// they go on: Close ends them. Serve returns at once; a program should wait for Shutdown.
func (s *Server) Shutdown(ctx context.Context) error { return s.conns.Shutdown(ctx) }

// Close stops listening, closes all connections and ends the contexts of their requests. It does
// not wait for the App to return: a Shutdown after it does.
func (s *Server) Close() error { return s.conns.Close() }

// Stats returns the connections in figures. A connection whose request has not come yet counts as
// idle.
func (s *Server) Stats() transport.Stats { return s.conns.Stats() }

func (s *Server) limits() limits {
	return limits{
		block:  cmp.Or(s.MaxParamsBytes, transport.DefaultMaxParamsBytes),
		params: int64(cmp.Or(s.MaxParams, transport.DefaultMaxParams)),
	}
}
