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

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/listen"
	"github.com/cgikit/cgikit/gateway/transport"
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

// StdServer serves an App over FastCGI in the responder role, on the standard library's net/http/fcgi. Its fields and methods are those
// of [Server], where they are described in full; the package documentation tells the engines apart. A zero StdServer with an App
// serves correctly and safely.
//
// The fields must not change once Serve was called. All methods may be called at the same time. A StdServer must not be copied, and
// one that was shut down or closed stays so.
type StdServer struct {
	App      gateway.App  // answers the requests, several at the same time; it must be set
	Addr     string       // where ListenAndServe listens; empty is DefaultAddr
	ErrorLog *slog.Logger // nil is slog.Default()

	// ReadTimeout is Server's but for a body of which the next record does not come: that closes the connection.
	ReadTimeout time.Duration

	WriteTimeout   time.Duration // zero is 60 seconds, negative no bound
	IdleTimeout    time.Duration // zero and negative are no bound, as for RequestTimeout
	RequestTimeout time.Duration
	MaxParamsBytes int64 // zero is 256 KiB, negative no bound
	MaxParams      int   // zero is 1,024, negative no bound
	MaxBodyBytes   int64 // zero and negative are no bound, as for MaxConns and MaxRequests
	MaxConns       int
	MaxRequests    int
	AllowedPeers   []netip.Prefix
	AllowedUIDs    []int
	Mount          string

	Refused func(*gateway.Refusal) // see Server

	conns    transport.Conns
	stopping atomic.Bool
	requests transport.Requests

	overRequests, overParams transport.Notice
}

// ListenAndServe listens on Addr and calls Serve. Its error is that of the address or of the system, or Serve's.
func (s *StdServer) ListenAndServe() error {
	l, err := listen.ListenFor("fastcgi", cmp.Or(s.Addr, DefaultAddr))
	if err != nil {
		return err
	}
	return s.Serve(l)
}

// Serve is as [Server.Serve].
func (s *StdServer) Serve(l net.Listener) error {
	if s.App == nil {
		l.Close()
		return errors.New("fastcgi: StdServer.App is nil")
	}
	return s.conns.Serve(l, transport.Service{
		Handle:       s.serveConn,
		Refuse:       refuseConn,
		MaxConns:     s.MaxConns,
		AllowedPeers: s.AllowedPeers,
		AllowedUIDs:  s.AllowedUIDs,
		Log:          s.log(),
	})
}

// Shutdown is as [Server.Shutdown].
func (s *StdServer) Shutdown(ctx context.Context) error {
	s.stopping.Store(true)
	return s.conns.Shutdown(ctx)
}

// Close is as [Server.Close].
func (s *StdServer) Close() error {
	s.stopping.Store(true)
	return s.conns.Close()
}

// Stats returns the connections in figures. It looks at every one of them.
func (s *StdServer) Stats() transport.Stats { return s.conns.Stats() }

// value answers FCGI_GET_VALUES.
func (s *StdServer) value(name string) (string, bool) {
	return serverValue(name, s.MaxConns, s.MaxRequests)
}

func (s *StdServer) log() *slog.Logger { return cmp.Or(s.ErrorLog, slog.Default()) }

func (s *StdServer) maxParams() int { return cmp.Or(s.MaxParams, defaultMaxParams) }

func (s *StdServer) maxParamsBytes() int64 { return cmp.Or(s.MaxParamsBytes, defaultMaxParamsBytes) }

// refuseConn answers the first request of a connection above MaxConns. The caller has set a deadline and closes nc.
func refuseConn(nc net.Conn) {
	r := wire.NewRecordReader(nc)
	for {
		h, _, err := r.Next()
		if err != nil {
			return
		}
		if h.Type == wire.TypeBeginRequest {
			nc.Write(wire.AppendEndRequest(nil, h.ID, wire.EndRequest{ProtocolStatus: wire.Overloaded}))
			break
		}
	}
	if w, ok := nc.(interface{ CloseWrite() error }); ok && w.CloseWrite() == nil {
		io.Copy(io.Discard, nc) // else a reset could overtake the answer
	}
}
