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

// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close. It is
// gateway.ErrServerClosed.
var ErrServerClosed = gateway.ErrServerClosed

// DefaultAddr is the address of a Server without an Addr: port 4000 of the loopback interface, as
// in most SCGI manuals.
const DefaultAddr = "127.0.0.1:4000"

// Server answers SCGI requests with an App. Its fields are those of every server of this module,
// except IdleTimeout: a connection carries one request (SCGI section 4), and ReadTimeout bounds the
// wait for it. The fields must not change after Serve was called. Only App must be set: a zero
// Server with an App serves correctly and safely. A Server must not be copied.
//
// The methods may be called at the same time, and Serve for several listeners.
//
// # Which requests are valid
//
// A request is a netstring of pairs of name NUL value NUL, and then the body. The first variable
// must be CONTENT_LENGTH, SCGI must be 1, and the length of the netstring must have no leading
// zeros. If the bytes are not SCGI, the connection is closed without an answer, and one line is
// logged. A faulty SCGI request is answered with a page: 400 for a malformed or contradictory
// CONTENT_LENGTH and for a variable without a name, 411 for an empty CONTENT_LENGTH, 413 and 431
// above a limit, 503 above MaxConns and MaxRequests.
//
// SCGI section 3 forbids a name that occurs twice. This server keeps both variables and uses the
// last, because nginx sends a parameter and its override as two.
//
// # Read the body before you answer
//
// An App should read what it needs of the body before its response exceeds 4 KiB or is flushed.
// nginx 1.22 sends no more of a body after the response has begun. An App that copies a large body
// to its response then waits until ReadTimeout. An App need not read the whole body.
//
// # The end of a response
//
// SCGI ends a response by closing the connection. If a response fails after its head was sent, the
// connection is reset instead, so that the peer does not take the part for a complete response.
// Over TCP this is SO_LINGER 0. Linux resets a unix socket only if input is unread, so the last
// byte of the request stays unread until the response is complete. On other systems a unix socket
// cannot be reset, and only a Content-Length shows that something is missing.
//
// A connection with a complete response is never reset. If the peer has sent more than the App has
// read, the sending side is closed, and the rest is read and discarded: for at most 30 seconds in
// all, 5 seconds without a byte, or 256 MiB.
//
// # Disconnects
//
// The context of a request ends when the web server closes its connection, which web servers do
// when their client disconnects. This is watched only on Linux, and only after the App has called
// Context().Done(). On a unix socket a close differs from a half-close; socat, for example, closes
// its sending side after the request while it waits for the response. Over TCP they do not differ,
// and both end the context, as in net/http; the response is sent in either case. On other systems,
// and without Done, the App learns of a disconnect by a Write that fails.
type Server struct {
	// App answers the requests, each in its own goroutine. It must be set. A panic in it ends only
	// that request.
	App gateway.App

	// Addr is where ListenAndServe listens, in the grammar of package listen, with the scheme scgi
	// or none: "127.0.0.1:4000", "unix:/run/app.sock?mode=0660", "scgi+systemd:". Empty is
	// DefaultAddr.
	Addr string

	// ErrorLog gets one line for each failure: an App that failed, a request that is not SCGI, a
	// limit that was exceeded. Disconnects are not logged. Nil is slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the head of a request, from the start of the connection to
	// the last byte of the head, and then each wait for more of the body. Zero is 60 seconds.
	// Negative is no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds each wait until the peer reads more of the response. The total time is
	// not bounded. Zero is 60 seconds. Negative is no bound.
	WriteTimeout time.Duration

	// RequestTimeout is the time after which the context of a request ends, counted from its head.
	// The App may still answer. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the content of the netstring, in bytes. A request with a larger one is
	// answered 431 without reading it. Zero is 256 KiB. Negative is no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of a request. A request with more is answered 431.
	// Zero is 1,024. Negative is no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes. A larger one is answered 413 without
	// reading it. Zero and negative are no bound.
	MaxBodyBytes int64

	// MaxConns bounds the open connections of all listeners, and MaxRequests the requests that the
	// App answers at the same time. Requests above either bound are answered 503. Zero and negative
	// are no bound.
	MaxConns    int
	MaxRequests int

	// Refused, if not nil, is called for each request that is answered without the App: with 400,
	// 404, 411, 413, 431 or 503. If the variables are the reason, the Environ of the Refusal is
	// empty. Refused may be called concurrently. It is not called for connections above MaxConns,
	// because no request was read from them.
	Refused func(*gateway.Refusal)

	// AllowedPeers and AllowedUIDs restrict which peers may connect: by address over TCP, by user
	// id (Linux only) over a unix socket. If both are empty, every peer may. Otherwise the
	// connections of other peers are closed without an answer.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Mount is the path at which the web server serves the App, "/" for the root. Set it for a web
	// server that does not send SCRIPT_NAME and PATH_INFO, as nginx does not by default. See
	// exchange.Mount. Empty leaves the environ as it is.
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

// ListenAndServe listens on Addr and calls Serve. For an invalid address it returns a
// [*listen.AddressError], and for a failure to listen the error of the system.
func (s *Server) ListenAndServe() error {
	l, err := listen.ListenFor("scgi", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve answers one request on each connection of l, and closes l when it returns. It always
// returns an error: that of l, or [gateway.ErrServerClosed] after Shutdown and Close. Temporary
// failures of Accept are tried again.
func (s *Server) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.Serve(l, s.service())
}

// HandleRequest answers one request from l and returns nil when its connection has ended. l stays
// open then for the next call. If Serve would end, HandleRequest closes l and returns what Serve
// returns. Use it in tests, and in programs that do other work between two requests. A connection
// without a request does not count.
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
		Refuse:       sv.refuseBusy,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          sv.log,
	}
}

// Shutdown stops listening, closes connections on which no request arrives within a second, and
// waits until the requests under way are answered. If ctx ends first, it returns the error of ctx;
// the requests go on, and Close ends them. Serve returns at once; a program should wait for
// Shutdown.
func (s *Server) Shutdown(ctx context.Context) error { return s.conns.Shutdown(ctx) }

// Close stops listening, closes all connections and ends the contexts of their requests. It does
// not wait for the App to return: call Shutdown after it for that.
func (s *Server) Close() error { return s.conns.Close() }

// Stats counts the connections. A connection whose request has not arrived yet counts as idle.
func (s *Server) Stats() transport.Stats { return s.conns.Stats() }

func (s *Server) limits() limits {
	return limits{
		block:  cmp.Or(s.MaxParamsBytes, transport.DefaultMaxParamsBytes),
		params: int64(cmp.Or(s.MaxParams, transport.DefaultMaxParams)),
	}
}
