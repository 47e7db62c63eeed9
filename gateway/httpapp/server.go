package httpapp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// DefaultAddr is the address of a Server that has none: port 8080 of the loopback interface.
const DefaultAddr = "127.0.0.1:8080"

// ErrServerClosed is what Serve returns after Shutdown or Close.
var ErrServerClosed = gateway.ErrServerClosed

// Server answers HTTP/1.0 and HTTP/1.1 requests with an App: wsgiref's simple_server, on net/http's
// own protocol engine. Its fields are those of every server of this module; they must not be
// changed once Serve was called. Besides App, the zero value serves correctly and safely. It must
// not be copied, and one that was shut down or closed stays so.
//
// The methods may be called at the same time, and Serve for several listeners.
//
// It has no TLS and no HTTP/2: an [AppHandler] in an http.Server has. A request with both
// Content-Length and Transfer-Encoding is answered, and its connection closed (RFC 9112 section
// 6.1): net/http drops the first, so an AppHandler elsewhere cannot see it.
type Server struct {
	// App answers the requests, each in a goroutine of its own. It must be set. A panic in it ends
	// that request only.
	App gateway.App

	// Addr is where ListenAndServe listens, in the grammar of package listen, with the scheme http
	// or none: "127.0.0.1:8080", "http://[::1]:80", "unix:/run/app.sock?mode=0660". Empty is
	// DefaultAddr.
	Addr string

	// ErrorLog takes one line for each thing that went wrong: an App that failed, what it wrote to
	// its error stream, a limit that was met (again only after a minute without). Nil is
	// slog.Default(). A peer that goes away is worth no line.
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the head of a request, from the moment of the connection or,
	// on one that was kept, from its first byte, to its last; and after that each wait for more of
	// the body. Zero is 60 seconds, negative is no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds each wait for the client to take some more of the response; how long all
	// of it takes is not bounded. Zero is 60 seconds, negative is no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that is kept. Zero and
	// negative are no bound, as with the other servers; where anyone may connect it should be set.
	IdleTimeout time.Duration

	// RequestTimeout ends the context of a request, counted from its head. What follows from that
	// is up to the App. Zero and negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the head of a request, in bytes, request line included; net/http allows
	// 4 KiB more. A larger one is answered 431, without a line in the log. Zero is 256 KiB,
	// negative is 2 GiB, which is as good as no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of fields of a request, repeats counted; more are answered 431.
	// Zero is 1,024, negative is no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes; a larger one is answered 413. Zero and
	// negative are no bound.
	MaxBodyBytes int64

	// BaseEnviron has variables for each request; see AppHandler.BaseEnviron.
	BaseEnviron *util.Environ

	// Refused, if not nil, is told of each request that is answered without the App, those among
	// them that net/http itself answers: 400, 404, 405, 413, 414, 417, 431, 501, 503 and 505. It is
	// called by several goroutines at the same time. Connections above MaxConns are not told: no
	// request was read from them.
	Refused func(*gateway.Refusal)

	// MaxConns bounds the open connections of all listeners, and MaxRequests the requests that the
	// App answers at the same time. What is above is answered 503. Zero and negative are no bound.
	MaxConns    int
	MaxRequests int

	// AllowedPeers and AllowedUIDs say who may connect: by address over TCP, by user id (Linux
	// only) on a unix socket. While both are empty, everyone may; once either has an entry, others
	// are closed without an answer.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Mount is the path below which the App lives; see AppHandler.Mount. Empty is the root.
	Mount string

	conns  transport.Conns
	setUp  sync.Once // fills in the fields below
	log    *slog.Logger
	engine http.Server // speaks HTTP on one connection at a time; conns has the listeners
	app    AppHandler
}

// Serve answers the connections of l with app until l fails. It is the short form of Server.Serve,
// and never returns nil.
func Serve(l net.Listener, app gateway.App) error {
	return (&Server{App: app}).Serve(l)
}

// ListenAndServe listens on addr, as Server.Addr describes it, and answers with app. It is
// wsgiref's make_server and serve_forever, and never returns nil.
func ListenAndServe(addr string, app gateway.App) error {
	return (&Server{App: app, Addr: addr}).ListenAndServe()
}

// ListenAndServe listens on Addr and calls Serve. An address that cannot be used is a
// [*listen.AddressError]; a failure to listen is what the system said.
func (s *Server) ListenAndServe() error {
	l, err := listen.ListenFor("http", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve answers the connections of l, and closes l when it returns. Its error is never nil: what
// made l fail, or [ErrServerClosed] after Shutdown and Close. Failures of Accept that pass are
// tried again.
func (s *Server) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.Serve(l, s.service())
}

// HandleRequest answers one request that comes in on l, and returns nil when its connection has
// ended: wsgiref's handle_request. l stays open then, for the next call; where Serve would end,
// HandleRequest returns what Serve returns, and closes l. It is for tests, and for programs that do
// something else between two requests. A connection on which no request comes, or none that
// net/http understands, does not count.
func (s *Server) HandleRequest(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.HandleRequest(l, s.service())
}

var errNoApp = errors.New("httpapp: Server.App is nil")

func (s *Server) service() transport.Service {
	s.setUp.Do(s.prepare)
	return transport.Service{
		Handle:       s.serveConn,
		Refuse:       refuseBusy,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          s.log,
	}
}

// Shutdown stops listening, closes connections on which no request is under way (new ones get a
// second to send one), and waits until the requests under way are answered. When ctx ends first it
// returns that error, and they go on: Close ends them. Serve returns at once; a program should wait
// for Shutdown.
func (s *Server) Shutdown(ctx context.Context) error {
	// responses say so from now on, and their connections end with them
	s.engine.SetKeepAlivesEnabled(false)
	return s.conns.Shutdown(ctx)
}

// Close stops listening, closes all connections and ends the contexts of their requests. It does
// not wait for the App to return: a Shutdown after it does.
func (s *Server) Close() error {
	s.engine.SetKeepAlivesEnabled(false)
	return s.conns.Close()
}

// Stats returns the connections in figures. A connection whose request has not come yet counts as
// idle.
func (s *Server) Stats() transport.Stats { return s.conns.Stats() }
