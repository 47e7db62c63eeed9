package fastcgi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
)

// DefaultAddr is the address of a server that has none: the port that php-fpm made customary, on the loopback interface.
const DefaultAddr = "127.0.0.1:9000"

// ErrServerClosed is returned by Serve and ListenAndServe after Shutdown or Close. It is gateway.ErrServerClosed.
var ErrServerClosed = gateway.ErrServerClosed

// Serve answers the FastCGI requests that arrive on l with app, in goroutines of their own, until l fails. It is the short form of
// [StdServer.Serve], and closes l like it.
func Serve(l net.Listener, app gateway.App) error {
	s := &StdServer{App: app}
	return s.Serve(l)
}

// ListenAndServe listens on addr, an address of package listen such as "127.0.0.1:9000" or "unix:/run/app.sock?mode=0660", and
// answers with app. It is the short form of [StdServer.ListenAndServe].
func ListenAndServe(addr string, app gateway.App) error {
	s := &StdServer{App: app, Addr: addr}
	return s.ListenAndServe()
}

// StdServer serves an App over FastCGI in the responder role, on the standard library's net/http/fcgi; the package documentation
// tells what it adds to that and what it cannot. A zero StdServer with an App serves correctly and safely.
//
// The fields must not change once Serve was called. All methods may be called at the same time. A StdServer must not be copied,
// and one that was shut down or closed stays so.
type StdServer struct {
	// App answers the requests, several at the same time, also of one connection. It must be set.
	App gateway.App

	// Addr is where ListenAndServe listens: an address of package listen, with or without the scheme fastcgi. Empty is
	// DefaultAddr.
	Addr string

	// ErrorLog gets one line for each connection that was closed for what its peer did, and one for each limit that is
	// met, again only after a minute without. What an App has to say goes to the web server's own error log. Nil is
	// slog.Default().
	ErrorLog *slog.Logger

	// ReadTimeout bounds the wait for the peer: for the first record of a connection; for the whole of a record and of a
	// request's variables once they have begun; and for each next record of a body. Zero is 60 seconds, negative no bound.
	ReadTimeout time.Duration

	// WriteTimeout bounds the wait for the peer to take some bytes of a response, however long that is in all. Zero is 60
	// seconds, negative no bound.
	WriteTimeout time.Duration

	// IdleTimeout bounds the wait for the next request on a connection that the web server keeps. Zero and negative are no
	// bound: the web server knows best how many connections it wants to keep.
	IdleTimeout time.Duration

	// RequestTimeout ends the context of a request that long after its App was called; the App may still answer. Zero and
	// negative are no bound.
	RequestTimeout time.Duration

	// MaxParamsBytes bounds the variables of one request, in bytes as they come, and those of all requests of a connection to
	// 16 times as much. A request over its own bound is answered 431, one over the connection's FCGI_OVERLOADED. Zero is 256
	// KiB, negative no bound.
	MaxParamsBytes int64

	// MaxParams bounds the number of variables of one request; one over it is answered 431. Zero is 1,024, negative no bound.
	MaxParams int

	// MaxBodyBytes bounds the body of a request, in bytes: a larger one is answered 413. Zero and negative are no bound.
	MaxBodyBytes int64

	// MaxConns bounds the open connections. One over it is told FCGI_OVERLOADED in answer to its first request. Zero and
	// negative are no bound.
	MaxConns int

	// MaxRequests bounds the requests at the same time, of all connections: one over it is told FCGI_OVERLOADED. One
	// connection has 128 at most. Zero and negative are no other bound.
	MaxRequests int

	// AllowedPeers and AllowedUIDs say who may connect, as listen.Service has them. While both are empty, everyone may.
	AllowedPeers []netip.Prefix
	AllowedUIDs  []int

	// Mount is the path at which the App is mounted, such as "/app", for a web server that does not tell SCRIPT_NAME and
	// PATH_INFO apart: they are found in REQUEST_URI where they are not both sent (see gateway.Mount). Empty leaves the environ
	// as it is. The URL.Path of an http.Handler stays whole, see package httpapp.
	Mount string

	conns    listen.Conns
	stopping atomic.Bool
	requests listen.Requests

	overRequests, overParams listen.Notice
}

// ListenAndServe listens on Addr and calls Serve. Its error is that of the address or of the system, or Serve's.
func (s *StdServer) ListenAndServe() error {
	l, err := listen.ListenFor("fastcgi", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve accepts connections on l and answers their requests, until l fails or the server is shut down or closed: then it returns
// [ErrServerClosed]. It closes l. Failures of Accept that pass are tried again. Serve may be called for several listeners at the
// same time. A panic of the App costs its request and nothing else.
func (s *StdServer) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errors.New("fastcgi: StdServer.App is nil")
	}
	return s.conns.Serve(l, listen.Service{
		Handle:       s.serveConn,
		Refuse:       refuseConn,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          s.log(),
	})
}

// Shutdown ends the server gracefully: it closes the listeners and the connections without a request, lets the requests under way
// finish, and waits for them. It returns the first error of closing a listener, or the error of ctx when that ends earlier: the
// requests left over then go on, and Close ends them. Serve returns at once; a program should wait for Shutdown.
func (s *StdServer) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	return s.conns.Shutdown(ctx)
}

// Close closes the listeners and all connections, and cancels the contexts of all requests. It does not wait for the Apps to
// return: a Shutdown after it does.
func (s *StdServer) Close() error {
	s.stopping.Store(true)
	return s.conns.Close()
}

// Stats returns the connections in figures. It looks at every one of them.
func (s *StdServer) Stats() listen.Stats { return s.conns.Stats() }

// value answers FCGI_GET_VALUES.
func (s *StdServer) value(name string) (string, bool) {
	return serverValue(name, s.MaxConns, s.MaxRequests)
}

func (s *StdServer) log() *slog.Logger { return cmp.Or(s.ErrorLog, slog.Default()) }

func (s *StdServer) maxParams() int { return cmp.Or(s.MaxParams, defaultMaxParams) }

func (s *StdServer) maxParamsBytes() int64 { return cmp.Or(s.MaxParamsBytes, defaultMaxParamsBytes) }

// refuseConn answers the first request of a connection above MaxConns. The caller has set a deadline and closes nc.
func refuseConn(nc net.Conn) {
	r := NewRecordReader(nc)
	for {
		h, _, err := r.Next()
		if err != nil {
			return
		}
		if h.Type == TypeBeginRequest {
			nc.Write(AppendEndRequest(nil, h.ID, EndRequest{ProtocolStatus: Overloaded}))
			break
		}
	}
	if w, ok := nc.(interface{ CloseWrite() error }); ok && w.CloseWrite() == nil {
		io.Copy(io.Discard, nc) // else a reset could overtake the answer
	}
}
