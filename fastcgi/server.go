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

// DefaultAddr is the address of a Server without an Addr: the usual port of php-fpm, on the
// loopback interface.
const DefaultAddr = "127.0.0.1:9000"

// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close. It is
// gateway.ErrServerClosed.
var ErrServerClosed = gateway.ErrServerClosed

// Serve answers the FastCGI requests that arrive on l with app until l fails. It is the short form
// of [Server.Serve], and closes l like it.
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
// The fields must not change after Serve was called. All methods may be called at the same time. A
// Server must not be copied. After Shutdown or Close it cannot serve again.
//
// # What it does
//
//   - An App gets the complete environ, byte for byte and in order, with SCRIPT_NAME and PATH_INFO.
//   - A response is sent as the App set it: the order of the fields, the reason phrase, no body to
//     HEAD. Flush sends the head at once.
//   - [gateway.Request.Stderr] is FCGI_STDERR, which goes to the web server's error log. Several
//     goroutines may write to it at the same time.
//   - The context of a request ends when the web server aborts it (FastCGI section 5.4) or closes
//     the connection.
//   - If the body is cut off, the App reads an error. If the App fails, the web server sees that
//     the response is cut off.
//   - Several requests run on one connection at the same time. A panic ends only one of them.
//   - Variables, requests, connections and time are bounded. A request above a bound gets the
//     answer that the protocol defines.
//   - GET_VALUES is answered with the values in use. Accept is tried again when the process had no
//     more file descriptors.
//   - A small request takes one read, one write and no goroutine of its own: it runs on the
//     goroutine that has read it. An App that waits for its body reads the connection itself. When
//     a request takes over a millisecond or asks for the end of its context, another goroutine
//     continues to read. So what the web server sends meanwhile is handled within 10 ms. With
//     GOMAXPROCS=1, an App that computes without a pause delays that by two time slices of Go's
//     scheduler, 20 ms.
//   - Files are sent by sendfile(2), and large slices without a copy.
//   - A body that its App does not read does not stop other requests. 256 KiB of it are held in
//     memory. After that, a connection with only this request is read no further. If the connection
//     has had two requests at once, or the web server has asked for FCGI_MPXS_CONNS, the rest goes
//     to an unnamed temporary file, within [Server.Budget].
//
// `go run ./cmd/internal/bench engines` measures it against the Server of package nethttp.
//
// # Read the body before you answer
//
// An App should read what it needs of the body before its response exceeds 4 KiB or is flushed.
// nginx 1.22 sends no more of a body after the response has begun. An App that copies a large body
// to its response then waits until ReadTimeout, and its response is broken. An App need not read
// the whole body.
//
// # Peers
//
// A peer can send any variables, and so pretend to be any user. Listen on loopback or on a unix
// socket, or set AllowedPeers.
//
// A peer that violates the protocol is disconnected, and the reason is logged, once a minute.
// Violations are a version other than 1, a wrong length, an application record for request 0, a
// request begun twice, and a body before the end of the variables. Records of requests that are not
// open, and types that an application does not handle, are ignored. Two deviations are accepted. A
// name may occur twice, and stays twice in the environ, because nginx sends a setting and its
// override so. A web server that has closed its sending side still gets the responses if it reads
// them, although the contexts of their requests have ended.
//
// The protocol has no flow control for a single request. A web server that does not read one
// response delays the other responses of that connection, but not those of other connections.
type Server struct {
	// App answers the requests. It must be set. It may be called concurrently, also for requests of
	// one connection. A panic in it ends only that request.
	App gateway.App

	// Authorizer and Filter answer the requests of the other roles (FastCGI sections 6.3 and 6.4).
	// If one is nil, requests of its role are answered with FCGI_UNKNOWN_ROLE.
	Authorizer Authorizer
	Filter     Filter

	// Addr is where ListenAndServe listens: an address of package listen, with or without the
	// scheme fastcgi. Empty is DefaultAddr.
	Addr string

	// ErrorLog gets a line when a connection is closed because of its peer, and when a limit is
	// reached. Each kind of line is repeated only after a minute without it, so that peers cannot
	// fill the log. The Stderr of an App goes to the web server's error log instead. Nil is
	// slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds three waits for the peer. The first is for each record until a request is
	// complete. The second is for a complete record, and for all variables of a request, after they
	// have begun. The third is for the next piece of a body while an App reads it. The first two
	// close the connection. The third is an error to the App; if the App returns it, the client is
	// answered 408. Zero is 60 seconds. Negative is no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds each wait until the peer reads some bytes of a response. A peer that
	// reads nothing loses its connection then, or up to a quarter of WriteTimeout later. The total
	// time of a response is not bounded. Zero is 60 seconds. Negative is no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that the web server keeps.
	// Zero and negative are no bound: the web server decides how long it keeps connections.
	IdleTimeout time.Duration

	// RequestTimeout is the time after which the context of a request ends, counted from the call
	// of its App. The App may still answer. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the encoded variables of one request, in bytes. The variables of all
	// requests of a connection are bounded to 16 times as much. A request that exceeds its own
	// bound is answered 431; one that exceeds the bound of the connection is answered with
	// FCGI_OVERLOADED. Zero is 256 KiB. Negative is no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of one request. A request with more is answered 431.
	// Zero is 1,024. Negative is no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes. A larger one is answered 413. Zero and
	// negative are no bound; Budget still bounds the unread part.
	MaxBodyBytes int64

	// Budget bounds the variables and bodies that are held, for all connections together. One
	// request may use a quarter of it. Variables are held until they are complete, a body until its
	// App reads it. A body that needs more than its quarter is answered 413. If the Budget has no
	// room, a body is answered 503, and variables with FCGI_OVERLOADED. The body of the only
	// request of a connection needs no room, because the App reads it as it arrives. Several
	// servers may have the same Budget. Nil is a Budget of this server with the default sizes: 256
	// MiB of memory and 4 GiB of files.
	Budget *exchange.Budget

	// MaxConns bounds the open connections. The first request on a connection above the bound is
	// answered with FCGI_OVERLOADED. Zero and negative are no bound.
	MaxConns int

	// MaxRequests bounds the requests at the same time, on all connections together. A request
	// above the bound is answered with FCGI_OVERLOADED. Zero and negative are no bound. Each
	// connection has at most 128 requests in any case.
	MaxRequests int

	// AllowedPeers and AllowedUIDs restrict which peers may connect, as documented at
	// transport.Service. If both are empty, every peer may. [WebServerAddrs] returns the list of
	// FCGI_WEB_SERVER_ADDRS.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Refused, if not nil, is called for each request that is answered without the App: with 400,
	// 404, 413 or 431. If the variables are the reason, the Environ of the Refusal is empty.
	// Refused may be called concurrently. It is not called for FCGI_OVERLOADED, which has no HTTP
	// status.
	Refused func(*gateway.Refusal)

	// Mount is the path at which the App is mounted, such as "/app". Set it for a web server that
	// does not send both SCRIPT_NAME and PATH_INFO: they are then derived from REQUEST_URI (see
	// exchange.Mount). Empty leaves the environ as it is. The URL.Path of an http.Handler is always
	// the complete path, see package httpapp.
	Mount string

	conns    transport.Conns
	handoffs handoffWatch

	ownBudget exchange.Budget
}

// ListenAndServe listens on Addr and calls Serve. It returns the error of the address, of the
// system or of Serve.
func (s *Server) ListenAndServe() error {
	l, err := listen.ListenFor("fastcgi", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l and answers their requests until l fails. After Shutdown or Close
// it returns [ErrServerClosed]. It closes l. Temporary failures of Accept are tried again. Serve
// may be called for several listeners at the same time.
func (s *Server) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.Serve(l, s.service())
}

// HandleRequest answers one request from l, closes its connection, even if the web server asked to
// keep it, and returns nil. l stays open then for the next call. If Serve would end, HandleRequest
// closes l and returns what Serve returns. Use it in tests, and in programs that do other work
// between two requests. A connection without a request does not count.
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

// Shutdown stops the server gracefully: it closes the listeners and the connections without a
// request, and waits until the requests under way have finished. It returns the first error of
// closing a listener, or the error of ctx if that ends earlier: then the remaining requests go on,
// and Close ends them. Serve returns at once; a program should wait for Shutdown.
func (s *Server) Shutdown(ctx context.Context) error { return s.conns.Shutdown(ctx) }

// Close closes the listeners and all connections, and cancels the contexts of all requests. It does
// not wait for the Apps to return: call Shutdown after it for that.
func (s *Server) Close() error { return s.conns.Close() }

// Stats counts the connections. Its cost grows with their number.
func (s *Server) Stats() transport.Stats { return s.conns.Stats() }

// hasRole reports whether the server answers requests of that role.
func (s *Server) hasRole(role Role) bool {
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
