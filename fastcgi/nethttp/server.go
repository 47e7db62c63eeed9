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

// DefaultAddr is the address of a Server without an Addr, the same as that of fastcgi.Server.
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
// fields and methods are those of fastcgi.Server, without the other roles and without a Budget: the
// input that is buffered for net/http/fcgi is bounded for each connection. A zero Server with an
// App serves correctly and safely.
//
// The fields must not change after Serve was called. All methods may be called at the same time. A
// Server must not be copied. After Shutdown or Close it cannot serve again.
//
// net/http/fcgi gets a connection that watches the records. The watch gives the App its exact
// environ, ends contexts, enforces the limits, and breaks the connection visibly after a late
// failure. An aborted request ends, and its id is free, when its App has returned. An ABORT_REQUEST
// that follows more than 256 KiB of unread input is handled late.
//
// # What net/http/fcgi cannot do
//
//   - The reason phrase is that of http.StatusText. Fields are sorted by name, and a Date is added.
//   - FCGI_STDERR is not supported: [gateway.Request.Stderr] is the process's standard error, and
//     ErrorLog gets the failures of an App. The application status is always 0, and responder is
//     the only role.
//   - A request without REQUEST_METHOD is answered 500 without the App, and so is one with a
//     malformed SERVER_PROTOCOL, CONTENT_LENGTH, REQUEST_URI or HTTP_HOST.
//   - An App is called when the first record of STDIN has arrived. While an App does not read a
//     record of its body, no other request of that connection begins.
//   - All records are padded: nginx delays a flushed head until a part of the body follows.
//   - Files are copied. Each response has a buffer of 64 KiB, and each connection another.
//   - GET_VALUES is answered with FCGI_MPXS_CONNS only, and an unknown type is not answered.
type Server struct {
	// App answers the requests. It must be set. It may be called concurrently, also for requests of
	// one connection. A panic in it ends only that request.
	App gateway.App

	// Addr is where ListenAndServe listens: an address of package listen, with or without the
	// scheme fastcgi. Empty is DefaultAddr.
	Addr string

	// ErrorLog gets one line for each App that failed. A line about a fault of a peer, or about a
	// limit that was reached, is repeated only after a minute without it. Nil is slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds four waits for the peer: for the first record of a connection; for the
	// rest of a record that has begun; from the beginning of a request to the first record of its
	// body; and for the next piece of a body while an App reads it. The last is an error to the
	// App, the others close the connection. Zero is 60 seconds. Negative is no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds each wait until the peer reads some bytes of a response. The total time
	// of a response is not bounded. Zero is 60 seconds. Negative is no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that the web server keeps.
	// Zero and negative are no bound.
	IdleTimeout time.Duration

	// RequestTimeout is the time after which the context of a request ends, counted from when it is
	// passed to net/http/fcgi. The App may still answer. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the encoded variables of one request, in bytes. The variables of all
	// requests of a connection, with the headers and the padding of their records, are bounded to
	// 16 times as much. A request that exceeds its own bound is answered 431; one that exceeds the
	// bound of the connection is answered with FCGI_OVERLOADED. Zero is 256 KiB. Negative is no
	// bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of one request. A request with more is answered 431.
	// Zero is 1,024. Negative is no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes. A larger one is answered 413. Zero and
	// negative are no bound.
	MaxBodyBytes int64

	// MaxConns bounds the open connections. The first request on a connection above the bound is
	// answered with FCGI_OVERLOADED. Zero and negative are no bound.
	MaxConns int

	// MaxRequests bounds the requests at the same time, on all connections together. A request
	// above the bound is answered with FCGI_OVERLOADED. Zero and negative are no bound. Each
	// connection has at most 128 requests in any case; an aborted request counts until its App has
	// returned.
	MaxRequests int

	// AllowedPeers and AllowedUIDs restrict which peers may connect, as documented at
	// transport.Service. If both are empty, every peer may.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Refused, if not nil, is called for each request that is answered without the App: with 400,
	// 404, 413 or 431. If the variables are the reason, the Environ of the Refusal is empty.
	// Refused may be called concurrently. It is not called for FCGI_OVERLOADED, nor for what
	// net/http/fcgi itself answers.
	Refused func(*gateway.Refusal)

	// Mount is the path at which the App is mounted, such as "/app", for a web server that does not
	// send both SCRIPT_NAME and PATH_INFO (see exchange.Mount). Empty leaves the environ as it is.
	Mount string

	conns transport.Conns
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
// closes l and returns what Serve returns. A connection without a request does not count.
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
