package nethttp

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
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
)

// DefaultAddr is the address of a Server that has none, that of fastcgi.Server.
const DefaultAddr = "127.0.0.1:9000"

// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close. It is
// gateway.ErrServerClosed.
var ErrServerClosed = gateway.ErrServerClosed

// Serve answers the FastCGI requests that arrive on l with app until l fails. It is the short form
// of [Server.Serve], and closes l like it.
func Serve(l net.Listener, app gateway.App) error {
	return (&Server{App: app}).Serve(l)
}

// ListenAndServe listens on addr, as [Server.Addr] describes it, and calls Serve.
func ListenAndServe(addr string, app gateway.App) error {
	return (&Server{App: app, Addr: addr}).ListenAndServe()
}

// Server answers FastCGI requests with an App, in the responder role, over net/http/fcgi. Its
// fields and methods are those of fastcgi.Server, without the other roles and without a Budget:
// what is read ahead of net/http/fcgi is bounded for each connection. A zero Server with an App
// serves correctly and safely.
//
// The fields must not change once Serve was called. All methods may be called at the same time. A
// Server must not be copied, and one that was shut down or closed stays so.
//
// net/http/fcgi is given a connection that watches the records on their way: it gives the App its
// exact environ, ends contexts, enforces the limits, and breaks the connection visibly after a late
// failure. An aborted request ends, and its id is free, when its App has returned; an ABORT_REQUEST
// that follows more than 256 KiB that net/http/fcgi has not taken is acted on late.
//
// # What net/http/fcgi cannot do
//
//   - The reason phrase is that of http.StatusText. Fields are sorted by name, and a Date is added.
//   - There is no FCGI_STDERR: [gateway.Request.Stderr] is the process's standard error, and why an
//     App failed is in ErrorLog. The application status is 0, and a responder the only role.
//   - A request without REQUEST_METHOD is answered 500 without the App, and so is one with a
//     malformed SERVER_PROTOCOL, CONTENT_LENGTH, REQUEST_URI or HTTP_HOST.
//   - An App is called when the first record of STDIN has come. While an App does not take a record
//     of its body, no other request of that connection begins.
//   - All records are padded: nginx holds a flushed head back until a part of the body follows.
//   - Files are copied. Each response has a buffer of 64 KiB, and each connection another.
//   - GET_VALUES is answered with FCGI_MPXS_CONNS alone, and an unknown type not at all.
type Server struct {
	// App answers the requests, several at the same time, also of one connection. It must be set. A
	// panic in it ends that request only.
	App gateway.App

	// Addr is where ListenAndServe listens: an address of package listen, with or without the
	// scheme fastcgi. Empty is DefaultAddr.
	Addr string

	// ErrorLog gets one line for each App that failed. Trouble of one kind with a peer, and a limit
	// that is met, is logged again only after a minute without. Nil is slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the peer: for the first record of a connection; for the whole
	// of a record once it has begun; from the begin of a request to the first record of its body;
	// and, while an App waits for its body, for each next piece of that. The last is an error to
	// that App, the others close the connection. Zero is 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds the wait for the peer to take some bytes of a response, however long that
	// is in all. Zero is 60 seconds, negative no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that the web server keeps.
	// Zero and negative are no bound.
	IdleTimeout time.Duration

	// RequestTimeout ends the context of a request that long after it was passed to net/http/fcgi;
	// the App may still answer. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the variables of one request, in bytes as they come, and those of all
	// requests of a connection to 16 times as much, the headers and the padding of their records
	// included. A request over its own bound is answered 431, one over the connection's
	// FCGI_OVERLOADED. Zero is 256 KiB, negative no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of one request; one over it is answered 431. Zero is
	// 1,024, negative no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes: a larger one is answered 413. Zero and
	// negative are no bound.
	MaxBodyBytes int64

	// MaxConns bounds the open connections. One over it is told FCGI_OVERLOADED in answer to its
	// first request. Zero and negative are no bound.
	MaxConns int

	// MaxRequests bounds the requests at the same time, of all connections: one over it is told
	// FCGI_OVERLOADED. One connection has 128 at most, those among them that were aborted but whose
	// App has not returned. Zero and negative are no other bound.
	MaxRequests int

	// AllowedPeers and AllowedUIDs say who may connect, as transport.Service has them. While both
	// are empty, everyone may.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Refused, if not nil, is told of each request that is answered without the App: 400, 404, 413,
	// 431. Where the variables are the reason, its Environ is empty. It is called by several
	// goroutines at the same time. What is answered by FCGI_OVERLOADED or by net/http/fcgi itself
	// is not told.
	Refused func(*gateway.Refusal)

	// Mount is the path at which the App is mounted, such as "/app", for a web server that does not
	// send both SCRIPT_NAME and PATH_INFO (see exchange.Mount). Empty leaves the environ as it is.
	Mount string

	conns transport.Conns
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
// Serve would end, HandleRequest returns what Serve returns, and closes l. A connection on which no
// request comes does not count.
func (s *Server) HandleRequest(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.HandleRequest(l, s.service())
}

var errNoApp = errors.New("nethttp: Server.App is nil")

func (s *Server) service() transport.Service {
	log := s.ErrorLog
	if log == nil {
		log = slog.Default()
	}
	return transport.Service{
		Handle:       func(ctx context.Context, tracked *transport.Conn) { s.serveConn(ctx, tracked, log) },
		Refuse:       refuseConn,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          log,
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

// refuseConn answers the first request of a connection above MaxConns.
func refuseConn(nc net.Conn) {
	records := wire.NewRecordReader(nc)
	for {
		h, _, err := records.Next()
		switch {
		case err != nil:
			return
		case h.Type == wire.TypeBeginRequest:
			transport.RefuseConn(nc, string(refusal(h.ID, wire.Overloaded)))
			return
		}
	}
}
