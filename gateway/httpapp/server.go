package httpapp

import (
	"cmp"
	"context"
	"crypto/tls"
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

// ErrServerClosed is returned by Serve after Shutdown or Close.
var ErrServerClosed = gateway.ErrServerClosed

// Server answers HTTP/1.0 and HTTP/1.1 requests with an App, like wsgiref's simple_server, but on
// the protocol engine of net/http. Its fields are those of every server of this module. They must
// not be changed once Serve was called. With an App, the zero value serves correctly and safely. A
// Server must not be copied, and cannot be used again after Shutdown or Close.
//
// The methods may be called at the same time, and Serve for several listeners.
//
// ServeTLS serves HTTPS with HTTP/1.1 and HTTP/2. A request with both Content-Length and
// Transfer-Encoding is answered, and its connection closed (RFC 9112 section 6.1). An AppHandler in
// an http.Server cannot do that, since net/http drops the Content-Length. Over TLS a Server does
// not see such requests either, and Refused is not called for those that net/http refuses.
type Server struct {
	// App answers the requests, each in its own goroutine. It must be set. A panic in it ends that
	// request only.
	App gateway.App

	// Addr is the address of ListenAndServe, in the grammar of package listen, with the scheme http
	// or none: "127.0.0.1:8080", "http://[::1]:80", "unix:/run/app.sock?mode=0660". Empty means
	// DefaultAddr.
	Addr string

	// ErrorLog gets one line for each problem: a failure of the App, a write of the App to its
	// error stream, a limit that was exceeded (again only after a minute without it). A peer that
	// closes its connection is not logged. Nil means slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the whole head of a request, and after it each wait for more
	// of the body. The wait for the first head of a connection begins with the connection, that for
	// a later head with its first byte. Zero means 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds each wait for the client to take more of the response, but not the time
	// for the whole response. Zero means 60 seconds, negative no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that is kept open. Zero and
	// negative mean no bound, as with the other servers. Set it if untrusted clients can connect.
	IdleTimeout time.Duration

	// RequestTimeout ends the context of a request that long after its head. The App decides what
	// it does then. Zero and negative mean no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the head of a request with its request line, in bytes. net/http allows
	// 4 KiB more. A larger head is answered 431, without a line in the log. Zero means 256 KiB,
	// negative 2 GiB, which is no bound in practice.
	MaxParamsBytes int64

	// MaxParams bounds the number of fields of a request, counting repeated ones each time. A
	// request with more is answered 431. Zero means 1,024, negative no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes. A larger one is answered 413. Zero and
	// negative mean no bound.
	MaxBodyBytes int64

	// BaseEnviron has variables for each request; see AppHandler.BaseEnviron.
	BaseEnviron *util.Environ

	// Refused, if not nil, is called for each request that is answered without the App, including
	// those that net/http answers itself: 400, 404, 405, 413, 414, 417, 431, 501, 503 and 505.
	// Several goroutines may call it at the same time. It is not called for connections above
	// MaxConns, since no request is read from them.
	Refused func(*gateway.Refusal)

	// MaxConns bounds the open connections of all listeners, and MaxRequests the requests that the
	// App answers at the same time. Connections and requests above are answered 503. Zero and
	// negative mean no bound.
	MaxConns    int
	MaxRequests int

	// AllowedPeers and AllowedUIDs say who may connect: by address over TCP, by user id (Linux
	// only) on a unix socket. If both are empty, every peer may connect. If either has an entry,
	// connections of other peers are closed without an answer.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// TrustedProxies and TrustUnix say which peers may describe the requests of their clients; see
	// AppHandler.TrustedProxies. A client that a PROXY protocol header announces is such a peer.
	TrustedProxies []netip.Prefix
	TrustUnix      bool

	// DropRequestID ignores ids of other peers; see AppHandler.DropRequestID.
	DropRequestID bool

	// Mount is the path of the App; see AppHandler.Mount. Empty means the root.
	Mount string

	// UnencryptedHTTP2 answers HTTP/2 also without TLS, to clients that begin with its preface (RFC
	// 9113 section 3.3, "prior knowledge"), such as proxies and gRPC clients. Other clients get
	// HTTP/1. Without it the preface is answered 400.
	UnencryptedHTTP2 bool

	conns  transport.Conns
	setUp  sync.Once // runs prepare, which sets the fields below
	log    *slog.Logger
	engine http.Server // serves HTTP on single connections; conns has the listeners
	app    AppHandler

	noticesRefusals bool // the answers of net/http itself are noticed
}

// Serve answers the requests on l with app until l fails. It is short for Server.Serve, and never
// returns nil.
func Serve(l net.Listener, app gateway.App) error {
	return (&Server{App: app}).Serve(l)
}

// ListenAndServe listens on addr, as Server.Addr describes it, and answers with app, as wsgiref's
// make_server and serve_forever do. It never returns nil.
func ListenAndServe(addr string, app gateway.App) error {
	return (&Server{App: app, Addr: addr}).ListenAndServe()
}

// ListenAndServe listens on Addr and calls Serve. The error for an address that is not valid is a
// [*listen.AddressError], and for a failure to listen a [*listen.OpenError].
func (s *Server) ListenAndServe() error {
	l, err := listen.ListenFor("http", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve answers the requests on l, and closes l when it returns. It never returns nil: its error is
// that of l, or [ErrServerClosed] after Shutdown or Close. After a temporary failure of Accept it
// tries again.
func (s *Server) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.Serve(l, s.newService())
}

// ServeTLS is Serve for HTTPS: HTTP/2 if the client offers it, and HTTP/1.1 otherwise. config must
// have a certificate, or a function for it such as that of a [Certificate]. ServeTLS uses a copy of
// config, and sets NextProtos in it. Files are copied, not sent by sendfile(2). The handshake has
// ReadTimeout.
func (s *Server) ServeTLS(l net.Listener, config *tls.Config) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	config = config.Clone()
	config.NextProtos = []string{"h2", "http/1.1"}
	service := s.newService()
	service.Handle = func(ctx context.Context, c *transport.Conn) { s.serveTLSConn(ctx, c, config) }
	service.Refuse = nil // the answer would have to be encrypted
	return s.conns.Serve(l, service)
}

// HandleRequest answers one request on l, and returns nil when the connection is closed, like
// wsgiref's handle_request. l then stays open for the next call. If Serve would return,
// HandleRequest returns the same error, and closes l. Tests use it, and programs that do other work
// between two requests. A connection without a request that net/http understands does not count.
func (s *Server) HandleRequest(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errNoApp
	}
	return s.conns.HandleRequest(l, s.newService())
}

var errNoApp = errors.New("httpapp: Server.App is nil")

func (s *Server) newService() transport.Service {
	s.setUp.Do(s.prepare)
	return transport.Service{
		Handle:       s.serveConn,
		Refuse:       s.refuseBusy,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          s.log,
	}
}

// Shutdown stops listening, closes connections without a request under way (new ones get a second
// to send one), and waits until the requests under way are answered. If ctx ends first, it returns
// the error of ctx, and the requests continue until Close ends them. Serve returns at once, so a
// program should wait for Shutdown.
func (s *Server) Shutdown(ctx context.Context) error {
	// responses have "Connection: close" from now on, and net/http closes their connections
	s.engine.SetKeepAlivesEnabled(false)
	return s.conns.Shutdown(ctx)
}

// Close stops listening, closes all connections and ends the contexts of their requests. It does
// not wait for the App to return: a Shutdown after it does.
func (s *Server) Close() error {
	s.engine.SetKeepAlivesEnabled(false)
	return s.conns.Close()
}

// Stats returns the current figures. A connection whose first request has not arrived counts as
// idle.
func (s *Server) Stats() transport.Stats { return s.conns.Stats() }
