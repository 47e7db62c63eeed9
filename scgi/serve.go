package scgi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// service is a Server with its defaults filled in, for one call of Serve.
type service struct {
	*Server
	log          *slog.Logger
	limits       limits
	readTimeout  time.Duration
	writeTimeout time.Duration
	logException func(r *gateway.Request, err error, stack []byte)
}

func newService(s *Server) *service {
	sv := &service{
		Server:       s,
		log:          s.ErrorLog,
		limits:       s.limits(),
		readTimeout:  cmp.Or(s.ReadTimeout, transport.DefaultTimeout),
		writeTimeout: cmp.Or(s.WriteTimeout, transport.DefaultTimeout),
	}
	if sv.log == nil {
		sv.log = slog.Default()
	}
	sv.logException = sv.logFailure
	return sv
}

// serving is one request and its response, in one allocation. It is never pooled, because the App
// may keep parts of it.
type serving struct {
	transport.Exchange
	memory gateway.Memory // of the handler
	text   util.EnvironText
}

// handlers is a pool of BaseCGIHandlers without a request. Nothing refers to a handler after its
// Run.
var handlers = sync.Pool{New: func() any { return new(gateway.BaseCGIHandler) }}

func (sv *service) serve(ctx context.Context, c *transport.Conn) {
	sv.serveConn(ctx, c.Net, c.RemoteAddr, c.Active)
}

// serveConn serves a connection of the given peer. It calls active when the head of the request is
// read; active reports whether to answer it.
func (sv *service) serveConn(ctx context.Context, nc net.Conn, peer func() net.Addr, active func() bool) {
	x := new(serving)
	x.Begin(nc, sv.readTimeout, sv.writeTimeout)
	e, err := readHead(x, &x.text, sv.limits)
	if err != nil {
		sv.refuse(peer, x, err)
		return
	}
	if !active() {
		return
	}
	if !sv.conns.BeginRequest(sv.MaxRequests) {
		sv.refuseWith(x, pageBusy, e, errBusy)
		return
	}
	defer sv.conns.EndRequest()
	sv.run(ctx, x, e)
}

// run answers the request.
func (sv *service) run(ctx context.Context, x *serving, e *util.Environ) {
	app, sent := sv.appFor(e)
	h := handlers.Get().(*gateway.BaseCGIHandler)
	*h = gateway.BaseCGIHandler{
		Environ:      e,
		EscapedPath:  sent,
		Multithread:  true,
		MaxBodyBytes: sv.MaxBodyBytes,
		LogException: sv.logException,
		Refused:      sv.Refused,
		Memory:       &x.memory,
	}
	x.Run(ctx, sv.RequestTimeout, h, app)
	*h = gateway.BaseCGIHandler{}
	handlers.Put(h)
}

// appFor returns the App, or one that refuses the request. sent is the path as it was sent, if
// Mount was applied.
func (sv *service) appFor(e *util.Environ) (app gateway.App, sent string) {
	sent, err := exchange.Mount(e, sv.Mount)
	if firstValue(e) == "" {
		// nginx before 1.29.6 sends an empty CONTENT_LENGTH with a body of unknown length.
		err = gateway.ErrLengthRequired
	}
	if err != nil {
		return gateway.Refuse(sv.App, err), sent
	}
	return sv.App, sent
}

// refuse handles a connection whose head could not be read. If a limit was exceeded, it answers; if
// the bytes are not SCGI, it does not.
func (sv *service) refuse(peer func() net.Addr, x *serving, err error) {
	if err == io.EOF || gateway.PeerGone(err) || errors.Is(err, net.ErrClosed) {
		return
	}
	sv.log.Warn("request refused", "error", err, "peer", peer().String())
	if p := (*ProtocolError)(nil); errors.As(err, &p) && p.Limit > 0 {
		sv.refuseWith(x, pageTooLarge, util.NewEnviron(), err)
	}
}

// logFailure logs why an App failed.
func (sv *service) logFailure(r *gateway.Request, err error, stack []byte) {
	attrs := []any{"method", r.Environ.Get("REQUEST_METHOD"), "uri", r.Environ.Get("REQUEST_URI"), "error", err}
	if id := r.ID(); id != "" {
		attrs = append(attrs, "request_id", id)
	}
	if stack != nil {
		attrs = append(attrs, "stack", string(stack))
	}
	level := slog.LevelError
	if gateway.IsClientFault(err) {
		level = slog.LevelWarn
	}
	sv.log.Log(r.Context(), level, "request failed", attrs...)
}
