package httpapp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/headers"
	"github.com/cgikit/cgikit/util"
)

// prepare sets the defaults and the engine. It runs before the first connection.
func (s *Server) prepare() {
	s.log = s.ErrorLog
	if s.log == nil {
		s.log = slog.Default()
	}
	s.app = AppHandler{
		App:          s.App,
		Mount:        s.Mount,
		BaseEnviron:  s.BaseEnviron,
		ErrorLog:     s.log,
		MaxBodyBytes: s.MaxBodyBytes,
		MaxParams:    s.MaxParams,
		Refused:      s.Refused,

		TrustedProxies: s.TrustedProxies,
		TrustUnix:      s.TrustUnix,
		DropRequestID:  s.DropRequestID,

		readTimeout:  cmp.Or(s.ReadTimeout, transport.DefaultTimeout),
		writeTimeout: cmp.Or(s.WriteTimeout, transport.DefaultTimeout),
	}
	// net/http's ReadTimeout and WriteTimeout bound the whole request and the whole response, so
	// they are not used. stdin and conn bound each wait.
	s.engine.Handler = http.HandlerFunc(s.serveRequest)
	own := headers.New()
	gateway.SetOwnFields(own, s.App, refusedRequest(util.NewEnviron()))
	s.noticesRefusals = s.Refused != nil || own.Len() > 0
	s.engine.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	s.engine.ReadHeaderTimeout = max(cmp.Or(s.ReadTimeout, transport.DefaultTimeout), 0)
	s.engine.IdleTimeout = s.IdleTimeout
	s.engine.MaxHeaderBytes = maxHeaderBytes(s.MaxParamsBytes)
	s.engine.BaseContext = func(l net.Listener) context.Context { return l.(*single).conn.ctx }
	s.engine.ConnContext = withConn
	s.engine.ConnState = noteIdle
	s.engine.Protocols = new(http.Protocols)
	s.engine.Protocols.SetHTTP1(true)
	s.engine.Protocols.SetHTTP2(true) // over TLS
	s.engine.Protocols.SetUnencryptedHTTP2(s.UnencryptedHTTP2)
}

func maxHeaderBytes(n int64) int {
	if n < 0 {
		return math.MaxInt32
	}
	return int(min(cmp.Or(n, transport.DefaultMaxParamsBytes), math.MaxInt32))
}

// serveConn is the Handle of transport.Service: net/http serves the one connection, and its Serve
// returns when the connection is closed. So net/http has no listener of its own, and package
// transport does the shutdown, as for the other servers.
func (s *Server) serveConn(ctx context.Context, c *transport.Conn) {
	nc := s.newConn(ctx, c)
	_ = s.engine.Serve(&single{Conn: nc, conn: nc})
	nc.linger()
}

// serveTLSConn is serveConn for HTTPS. net/http finds out by the type of the connection that it is
// one of TLS, makes the handshake and serves the protocol that was negotiated.
func (s *Server) serveTLSConn(ctx context.Context, c *transport.Conn, config *tls.Config) {
	nc := s.newConn(ctx, c)
	nc.opaque.Store(true)
	_ = s.engine.Serve(&single{Conn: tls.Server(nc, config), conn: nc})
	nc.linger()
}

func (s *Server) newConn(ctx context.Context, c *transport.Conn) *conn {
	return &conn{
		Conn:         c.Net,
		socket:       transport.NewSocket(c.Net),
		tracked:      c,
		ctx:          ctx,
		writeTimeout: cmp.Or(s.WriteTimeout, transport.DefaultTimeout),
		closed:       make(chan struct{}),
		line:         requestLine{active: s.noticesRefusals, app: s.App, refused: s.Refused},
	}
}

type connKey struct{}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, plainConn(nc))
}

// plainConn returns the connection under nc, which net/http has as it is or in TLS.
func plainConn(nc net.Conn) *conn {
	if encrypted, ok := nc.(*tls.Conn); ok {
		nc = encrypted.NetConn()
	}
	return nc.(*conn)
}

// errBusy is the reason to refuse a request above MaxRequests.
var errBusy = errors.New("httpapp: MaxRequests requests are under way")

// noteIdle lets Shutdown close the connection, unless it lingers. It ignores the result of Idle:
// during a shutdown keep-alives are off, and net/http closes the connection itself.
func noteIdle(nc net.Conn, state http.ConnState) {
	c := plainConn(nc)
	if state == http.StateIdle && !c.lingers.Load() {
		c.line.reset()
		c.tracked.Idle()
	}
}

// serveRequest answers one request, unless Shutdown has just closed the connection as idle, or too
// many requests are under way.
func (s *Server) serveRequest(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	if r.ProtoMajor == 2 {
		c.opaque.Store(true)
		// bounds the sending of the last bytes after the App has returned
		defer extendWrite(http.NewResponseController(w), s.app.writeTimeout)
	}
	c.line.noteHandled()
	if !c.tracked.Active() {
		panic(http.ErrAbortHandler)
	}
	if c.framing.isAmbiguous(r) || c.tracked.Ending() {
		w.Header().Set("Connection", "close")
	}
	if !s.conns.BeginRequest(s.MaxRequests) {
		fields := s.app.readForwarded(r)
		s.app.answerRefused(w, fields.withClient(r), fields, http.StatusServiceUnavailable, busyText, errBusy)
		return
	}
	defer s.conns.EndRequest()
	if s.RequestTimeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), s.RequestTimeout)
		defer cancel()
		r = r.WithContext(ctx)
	}
	whole := false
	defer func() {
		if !whole && !r.ProtoAtLeast(1, 1) {
			c.resetOnClose()
		}
	}()
	s.app.ServeHTTP(w, r)
	whole = true
}
