package scgi

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"

	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
	"github.com/cgikit/cgikit/util"
)

// service is a Server as one Serve uses it: defaults filled in.
type service struct {
	*Server
	log          *slog.Logger
	limits       limits
	logException func(r *gateway.Request, err error, stack []byte)
}

func newService(s *Server) *service {
	sv := &service{Server: s, log: s.ErrorLog, limits: s.limits()}
	if sv.log == nil {
		sv.log = slog.Default()
	}
	sv.logException = sv.logFailure
	return sv
}

// exchangeConn is one connection with its one request, in one allocation. The App may hold on to parts of it, so it is never
// pooled.
type exchangeConn struct {
	conn    conn
	input   input
	ctx     gateway.RequestContext
	handler gateway.BaseCGIHandler
}

func (sv *service) serve(ctx context.Context, c *transport.Conn) { sv.serveConn(ctx, c.Net, c.Active) }

// serveConn is the life of a connection. active is called when the request is there, and says whether to answer it.
func (sv *service) serveConn(ctx context.Context, nc net.Conn, active func() bool) {
	x := sv.newExchange(nc)
	buf := buffers.Get().(*buffer)
	defer buffers.Put(buf)
	x.input.buf = buf[:]
	x.conn.beginHead()
	e, err := x.input.readHead(sv.limits)
	x.conn.endHead()
	if err != nil {
		sv.refuse(x, err)
		return
	}
	if !active() {
		return
	}
	if entered, news := sv.requests.Enter(sv.MaxRequests); !entered {
		if news {
			sv.log.Warn("refusing requests above the limit", "limit", sv.MaxRequests)
		}
		x.conn.answer(pageBusy, buf[:])
		return
	}
	defer sv.requests.Leave()
	err = gateway.ErrBroken // what an App leaves that calls runtime.Goexit
	defer func() { x.end(err) }()
	err = sv.run(ctx, x, e)
}

// end cuts the App off from the input, and ends the connection as the response deserves.
func (x *exchangeConn) end(err error) {
	scratch := x.input.close(x.conn.interrupt)
	x.ctx.Release()
	if err != nil {
		x.conn.abort()
		return
	}
	x.conn.finish(&x.input, scratch)
}

// buffer takes what arrives of an ordinary request in one call. A larger head grows one of its own, which is not kept.
type buffer [8 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func (sv *service) newExchange(nc net.Conn) *exchangeConn {
	x := &exchangeConn{conn: conn{
		net:          nc,
		socket:       transport.NewSocket(nc),
		readTimeout:  cmp.Or(sv.ReadTimeout, defaultTimeout),
		writeTimeout: cmp.Or(sv.WriteTimeout, defaultTimeout),
	}}
	x.conn.ctx = &x.ctx
	x.input.src = &x.conn
	return x
}

// run answers the request.
func (sv *service) run(ctx context.Context, x *exchangeConn, e *util.Environ) error {
	x.ctx.Begin(ctx, sv.RequestTimeout, x.conn.socket)
	x.handler = gateway.BaseCGIHandler{
		Environ:      e,
		Stdin:        &x.input,
		Stdout:       &x.conn,
		Multithread:  true,
		MaxBodyBytes: sv.MaxBodyBytes,
		LogException: sv.logException,
	}
	return x.handler.Run(&x.ctx, sv.appFor(e))
}

// appFor returns the App, or in its place the error that the request is answered with.
func (sv *service) appFor(e *util.Environ) gateway.App {
	err := gateway.Mount(e, sv.Mount)
	if firstValue(e) == "" {
		// So nginx before 1.29.6 announces a body of unknown length, which it then sends.
		err = gateway.ErrLengthRequired
	}
	if err != nil {
		return gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return err })
	}
	return sv.App
}

// refuse ends a connection on which no request came. A limit has an answer; what is no SCGI has none.
func (sv *service) refuse(x *exchangeConn, err error) {
	if err == io.EOF || gateway.PeerGone(err) || errors.Is(err, net.ErrClosed) {
		return
	}
	sv.log.Warn("request refused", "error", err, "peer", x.conn.net.RemoteAddr().String())
	if p := (*ProtocolError)(nil); errors.As(err, &p) && p.Limit > 0 {
		x.conn.answer(pageTooLarge, make([]byte, 4<<10))
	}
}

func (sv *service) logFailure(r *gateway.Request, err error, stack []byte) {
	attrs := []any{"method", r.Environ.Get("REQUEST_METHOD"), "uri", r.Environ.Get("REQUEST_URI"), "error", err}
	if stack != nil {
		attrs = append(attrs, "stack", string(stack))
	}
	sv.log.Error("request failed", attrs...)
}
