package fastcgi

import (
	"context"
	"errors"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// request is one request on a conn, in one allocation. The App may hold on to parts of it, so it is never pooled.
type request struct {
	conn     *conn
	id       uint16 // the web server's number for it
	role     Role
	keepConn bool
	since    time.Time // when the wait for the rest of its variables began

	// The connection's reader changes these until it has made the request ready.
	params      []byte // so far
	borrowed    bool   // params is a part of the reader's buffer
	paramsBytes int64  // counted against the connection's bound; under conn.mu
	paramsEnded bool   // under conn.mu where it changes
	environ     *util.Environ
	refusal     gateway.App // answers in the App's place; nil for the App itself

	ctx     requestContext
	stdin   body
	data    *body // for a filter
	handler gateway.BaseCGIHandler
	out     output
}

func newRequest(c *conn, id uint16, b wire.BeginRequest) *request {
	r := &request{conn: c, id: id, role: b.Role, keepConn: b.KeepConn}
	r.out.request = r
	r.stdin.open(r)
	switch b.Role {
	case RoleFilter:
		r.data = new(body)
		r.data.open(r)
	case RoleAuthorizer: // has no body (FastCGI section 6.3)
		r.stdin.end(errNoMore)
	}
	r.ctx.request = r
	return r
}

// watcher is asked when somebody asks for the end of the context: from then on the connection must be read.
type watcher request

// Watch implements transport.Watcher.
func (w *watcher) Watch(func()) (stop func()) {
	w.conn.relieve((*request)(w))
	return nil
}

// addParams keeps a piece of the variables. The usual one piece stays where it is.
func (r *request) addParams(content []byte) {
	if r.params == nil {
		r.params, r.borrowed = content, true
		return
	}
	r.ownParams()
	r.params = append(r.params, content...)
}

// ownParams copies what was left in the reader's buffer.
func (r *request) ownParams() {
	if r.borrowed {
		r.params, r.borrowed = append([]byte(nil), r.params...), false
	}
}

// decodeParams makes the environ of the variables.
func (r *request) decodeParams() (err error) {
	r.environ, err = wire.DecodePairs(r.params, r.conn.limits.maxParams)
	r.params, r.borrowed = nil, false
	if errors.Is(err, wire.ErrTooManyPairs) {
		r.refusal, err = paramsTooLarge, nil
	}
	return err
}

// run answers the request and takes it off the connection.
func (r *request) run() {
	c := r.conn
	how := brokenOff // what is left where the App calls runtime.Goexit
	defer func() {
		c.release(r) // before the web server hears of the end, as its next request may need the room
		c.finish(r, how)
		r.out.close()
		c.leave()
	}()
	r.handler = gateway.BaseCGIHandler{
		Environ:      r.environ,
		Stdin:        &r.stdin,
		StdinStream:  true,
		Stdout:       &r.out,
		Stderr:       (*errorStream)(r),
		Multithread:  true,
		MaxBodyBytes: c.server.MaxBodyBytes,
	}
	if r.handler.Run(&r.ctx, r.app()) == nil {
		how = completed
	}
}

// app returns what answers the request.
func (r *request) app() gateway.App {
	if r.refusal != nil {
		return r.refusal
	}
	sent, err := exchange.Mount(r.environ, r.conn.server.Mount)
	if err != nil {
		return gateway.AppFunc(func(gateway.ResponseWriter, *gateway.Request) error { return err })
	}
	r.handler.EscapedPath = sent
	switch r.role {
	case RoleAuthorizer:
		return authorizerApp{r.conn.server.Authorizer}
	case RoleFilter:
		return &filterApp{r.conn.server.Filter, r.data}
	}
	return r.conn.server.App
}

// cut ends what the web server can no longer send, and tells the App.
func (r *request) cut() {
	r.ctx.End(gateway.ErrClientGone)
	r.stdin.end(errBodyCut)
	if r.data != nil {
		r.data.end(errBodyCut)
	}
}

// end makes what the App may still hold useless.
func (r *request) end() {
	r.ctx.Release()
	r.stdin.close()
	if r.data != nil {
		r.data.close()
	}
}

// requestContext is the context of a request, by which SetAppStatus finds it.
type requestContext struct {
	gateway.RequestContext
	request *request
}

// Value implements context.Context.
func (c *requestContext) Value(key any) any {
	if key == (requestKey{}) {
		return c.request
	}
	return c.RequestContext.Value(key)
}

type requestKey struct{}

// SetAppStatus sets the application status that the request of ctx, the context of an App or one derived from it, will end with
// (FastCGI section 5.5): what would be the exit status of a CGI program. It is 0 otherwise. Web servers do not look at it, some
// clients do. It reports false where the request is not answered by a [Server], and may be called at any time until the App
// returns.
func SetAppStatus(ctx context.Context, status uint32) bool {
	r, ok := ctx.Value(requestKey{}).(*request)
	if ok {
		r.out.appStatus.Store(status)
	}
	return ok
}
