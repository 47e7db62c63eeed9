package httpapp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"net/http"

	"github.com/cgikit/cgikit/gateway/transport"
)

// prepare fills in the defaults. It runs before the first connection.
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
		readTimeout:  cmp.Or(s.ReadTimeout, transport.DefaultTimeout),
	}
	// net/http's ReadTimeout and WriteTimeout bound all of a request and of a response, so they are
	// not used: see stdin and conn.
	s.engine.Handler = http.HandlerFunc(s.serveRequest)
	s.engine.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	s.engine.ReadHeaderTimeout = max(cmp.Or(s.ReadTimeout, transport.DefaultTimeout), 0)
	s.engine.IdleTimeout = s.IdleTimeout
	s.engine.MaxHeaderBytes = maxHeaderBytes(s.MaxParamsBytes)
	s.engine.BaseContext = func(l net.Listener) context.Context { return l.(*single).conn.ctx }
	s.engine.ConnContext = withConn
	s.engine.ConnState = noteIdle
}

func maxHeaderBytes(n int64) int {
	if n < 0 {
		return math.MaxInt32
	}
	return int(min(cmp.Or(n, transport.DefaultMaxParamsBytes), math.MaxInt32))
}

// serveConn is transport.Service's Handle: net/http serves the one connection, and Serve returns
// when that has ended. So net/http has no listener of its own, and shutdown is package listen's
// affair, as it is for the other servers.
func (s *Server) serveConn(ctx context.Context, c *transport.Conn) {
	_ = s.engine.Serve(&single{conn: &conn{
		Conn:         c.Net,
		socket:       transport.NewSocket(c.Net),
		tracked:      c,
		ctx:          ctx,
		writeTimeout: cmp.Or(s.WriteTimeout, transport.DefaultTimeout),
		closed:       make(chan struct{}),
		line:         requestLine{refused: s.Refused},
	}})
}

type connKey struct{}

func withConn(ctx context.Context, nc net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, nc)
}

// errBusy is why a request is refused under MaxRequests.
var errBusy = errors.New("httpapp: MaxRequests requests are under way")

// noteIdle lets Shutdown close the connection. Once it is under way the answer does not matter:
// keep-alives are off, and net/http closes the connection itself.
func noteIdle(nc net.Conn, state http.ConnState) {
	if state == http.StateIdle {
		c := nc.(*conn)
		c.line.next()
		c.tracked.Idle()
	}
}

// serveRequest answers one request, unless the connection has just been closed as idle, or there
// are too many.
func (s *Server) serveRequest(w http.ResponseWriter, r *http.Request) {
	c := r.Context().Value(connKey{}).(*conn)
	c.line.handle()
	if !c.tracked.Active() {
		panic(http.ErrAbortHandler)
	}
	if c.framing.isAmbiguous(r) || c.tracked.Ending() {
		w.Header().Set("Connection", "close")
	}
	if !s.conns.BeginRequest(s.MaxRequests) {
		refuse(w, r, s.Refused, http.StatusServiceUnavailable, busyText, errBusy)
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
