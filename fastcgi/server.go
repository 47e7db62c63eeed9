package fastcgi

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
)

// DefaultAddr is the address of a server that has none: the port that php-fpm made customary, on
// the loopback interface.
const DefaultAddr = "127.0.0.1:9000"

// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close. It is
// gateway.ErrServerClosed.
var ErrServerClosed = gateway.ErrServerClosed

// Serve answers the FastCGI requests that arrive on l with app, in goroutines of their own, until l
// fails. It is the short form of [Server.Serve], and closes l like it.
func Serve(l net.Listener, app gateway.App) error {
	return (&Server{App: app}).Serve(l)
}

// ListenAndServe listens on addr, an address of package listen such as "127.0.0.1:9000" or
// "unix:/run/app.sock?mode=0660", and answers with app. It is the short form of
// [Server.ListenAndServe].
func ListenAndServe(addr string, app gateway.App) error {
	return (&Server{App: app, Addr: addr}).ListenAndServe()
}

// Server answers FastCGI requests. It does not use net/http. A zero Server with an App serves
// correctly and safely.
//
// The fields must not change once Serve was called. All methods may be called at the same time. A
// Server must not be copied, and one that was shut down or closed stays so.
//
// # What it does
//
//   - An App gets the whole environ, byte for byte and in order, with SCRIPT_NAME and PATH_INFO.
//   - A response is sent as the App set it: field order, reason phrase, no body to HEAD, a head
//     that Flush sends at once.
//   - [gateway.Request.Stderr] is FCGI_STDERR, which goes to the web server's error log. Several
//     goroutines may write to it at the same time.
//   - The context of a request ends when the web server aborts it (FastCGI section 5.4) or closes
//     the connection.
//   - A body that was cut off is an error to the App. A response of an App that failed is visibly
//     cut off.
//   - Several requests run on one connection at the same time. A panic ends one of them only.
//   - Variables, requests, connections and time are bounded; each bound has the protocol's own
//     answer.
//   - GET_VALUES is answered with the values in use. Accept is tried again after a shortage of
//     files.
//   - A small request takes one read, one write and no goroutine of its own: it runs on the
//     goroutine that has read it. When it lasts over a millisecond, waits for its body or asks for
//     the end of its context, another goroutine continues to read, so that what the web server
//     sends meanwhile is handled within 10 ms. With GOMAXPROCS=1 an App that computes without a
//     pause delays that by two time slices of Go's scheduler, 20 ms.
//   - Files go by sendfile(2), and large slices are sent without a copy.
//   - A body that its App does not read does not stop other requests. 256 KiB of it are held. A
//     request that is alone on its connection is then read no further. Where the connection has had
//     two at once, or the web server has asked whether it may, the rest goes to a temporary file
//     without a name, within [Server.Budget].
//
// `go run ./testdata/bench/fastcgi engines` measures it beside the Server of package nethttp.
//
// # The body comes first
//
// An App should read what it needs of the body before its response grows over 4 KiB or is flushed.
// nginx 1.22 sends no more of a body once the response has begun, so that an App which copies a
// large body to its response waits until ReadTimeout, and its response is broken then. What an App
// leaves unread does no harm.
//
// # Peers
//
// A peer can send any variables, and so claim to be anybody. Listen on loopback or on a unix
// socket, or say who may connect with AllowedPeers.
//
// A peer that breaks the protocol is disconnected, and a log line says why, once a minute: a
// version other than 1, a length that does not fit, an application record for request 0, a request
// begun twice, a body before the end of the variables. Records of requests that are not open, and
// types that an application does not know, are ignored. Two deviations are accepted. A name that
// occurs twice stays twice, because nginx sends a setting and its override so. A web server that
// has closed its sending side still gets its responses if it reads them, though the contexts of
// their requests have ended.
//
// The protocol has no flow control for each request: a web server that does not read one response
// delays the others of that connection, and no other connection.
type Server struct {
	// App answers the requests, several at the same time, also of one connection. It must be set. A
	// panic in it ends that request only.
	App gateway.App

	// Authorizer and Filter answer the requests of the other roles (FastCGI sections 6.3 and 6.4).
	// Where one is nil, its role is told FCGI_UNKNOWN_ROLE.
	Authorizer Authorizer
	Filter     Filter

	// Addr is where ListenAndServe listens: an address of package listen, with or without the
	// scheme fastcgi. Empty is DefaultAddr.
	Addr string

	// ErrorLog gets a line when a connection is closed for what its peer did, and when a limit is
	// met: of each kind one, and again only after a minute without, so that peers cannot fill it.
	// What an App has to say goes to the web server's own error log. Nil is slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the peer: for each record of a connection until a request is
	// complete; for the whole of a record and of a request's variables once they have begun; and,
	// while an App waits for its body, for each next piece of that. The first two close the
	// connection, the last is an error to that App, and 408 to the client if that returns it. Zero
	// is 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds the wait for the peer to take some bytes of a response, however long that
	// is in all: a peer that takes nothing loses its connection then, or up to a quarter of
	// WriteTimeout later. Zero is 60 seconds, negative no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that the web server keeps.
	// Zero and negative are no bound: the web server knows best how many connections it wants to
	// keep.
	IdleTimeout time.Duration

	// RequestTimeout ends the context of a request that long after its App was called; the App may
	// still answer. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the variables of one request, in bytes as they come, and those of all
	// requests of a connection to 16 times as much. A request over its own bound is answered 431,
	// one over the connection's FCGI_OVERLOADED. Zero is 256 KiB, negative no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of one request; one over it is answered 431. Zero is
	// 1,024, negative no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes: a larger one is answered 413. Zero and
	// negative are no bound, except that of Budget for what waits.
	MaxBodyBytes int64

	// Budget bounds the variables and bodies that wait, on all connections together; a quarter of
	// it is for one request. Variables wait until they are complete, a body until its App reads
	// it. A body that would hold more than its quarter is answered 413, one for which there is no
	// room 503, and variables for which there is none FCGI_OVERLOADED. The body of a request that
	// is alone on its connection needs no room: the App gets it as it comes. Several servers may
	// have the same Budget. Nil is one of the server's own, with the default sizes: 256 MiB of
	// memory and 4 GiB of files.
	Budget *exchange.Budget

	// MaxConns bounds the open connections. One over it is told FCGI_OVERLOADED in answer to its
	// first request. Zero and negative are no bound.
	MaxConns int

	// MaxRequests bounds the requests at the same time, of all connections: one over it is told
	// FCGI_OVERLOADED. One connection has 128 at most. Zero and negative are no other bound.
	MaxRequests int

	// AllowedPeers and AllowedUIDs say who may connect, as transport.Service has them. While both
	// are empty, everyone may. The list of FCGI_WEB_SERVER_ADDRS is [WebServerAddrs]'.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Refused, if not nil, is told of each request that is answered without the App: 400, 404, 413,
	// 431. Where the variables are the reason, its Environ is empty. It is called by several
	// goroutines at the same time. A request above MaxRequests is answered by FCGI_OVERLOADED,
	// which has no status, and not told.
	Refused func(*gateway.Refusal)

	// Mount is the path at which the App is mounted, such as "/app", for a web server that does not
	// tell SCRIPT_NAME and PATH_INFO apart: they are found in REQUEST_URI where they are not both
	// sent (see exchange.Mount). Empty leaves the environ as it is. The URL.Path of an http.Handler
	// stays whole, see package httpapp.
	Mount string

	conns    transport.Conns
	handoffs handoffWatch

	ownBudget exchange.Budget
}

// ListenAndServe listens on Addr and calls Serve. Its error is that of the address or of the
// system, or Serve's.
func (s *Server) ListenAndServe() error {
	l, err := listen.ListenFor("fastcgi", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l and answers their requests, until l fails or the server is shut
// down or closed: then it returns [ErrServerClosed]. It closes l. Failures of Accept that pass are
// tried again. Serve may be called for several listeners at the same time.
func (s *Server) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.Serve(l, s.service())
}

// HandleRequest answers one request that comes in on l, and returns nil when its connection has
// ended, also where the web server asked to keep that. l stays open then, for the next call; where
// Serve would end, HandleRequest returns what Serve returns, and closes l. It is for tests, and for
// programs that do something else between two requests. A connection on which no request comes does
// not count.
func (s *Server) HandleRequest(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.HandleRequest(l, s.service())
}

var errNoApp = errors.New("fastcgi: Server.App is nil")

func (s *Server) service() transport.Service {
	limits := s.limits()
	return transport.Service{
		Handle:       func(ctx context.Context, lc *transport.Conn) { s.serveConn(ctx, lc, limits) },
		Refuse:       refuseConn,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          limits.log,
	}
}

// Shutdown ends the server gracefully: it closes the listeners and the connections without a
// request, lets the requests under way finish, and waits for them. It returns the first error of
// closing a listener, or the error of ctx when that ends earlier: the requests left over then go
// on, and Close ends them. Serve returns at once; a program should wait for Shutdown.
func (s *Server) Shutdown(ctx context.Context) error { return s.conns.Shutdown(ctx) }

// Close closes the listeners and all connections, and cancels the contexts of all requests. It does
// not wait for the Apps to return: a Shutdown after it does.
func (s *Server) Close() error { return s.conns.Close() }

// Stats returns the connections in figures. It looks at every one of them.
func (s *Server) Stats() transport.Stats { return s.conns.Stats() }

// answers reports whether the server has something for that role.
func (s *Server) answers(role Role) bool {
	switch role {
	case RoleResponder:
		return true
	case RoleAuthorizer:
		return s.Authorizer != nil
	case RoleFilter:
		return s.Filter != nil
	}
	return false
}

// refuseConn answers the first request of a connection above MaxConns.
func refuseConn(nc net.Conn) {
	r := wire.NewRecordReader(nc)
	for {
		h, _, err := r.Next()
		switch {
		case err != nil:
			return
		case h.Type == wire.TypeBeginRequest:
			transport.RefuseConn(nc, string(wire.AppendEndRequest(nil, h.ID, wire.EndRequest{ProtocolStatus: wire.Overloaded})))
			return
		}
	}
}
