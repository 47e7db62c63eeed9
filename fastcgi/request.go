package fastcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// The life of a request, in the order of this file:
//
//	BEGIN_REQUEST   beginRequest   it is added to the request table, or refused
//	PARAMS          handleParams   its variables are collected within the bounds, and decoded
//	                run            its App is called after all records that have arrived are handled
//	ABORT_REQUEST   abort          may arrive at any time
//	END_REQUEST     finish         its last records are sent; the web server may use its id again
//	                release        its slot and memory are released, because its App has returned

// request is one request on a conn, in one allocation. It is never pooled, because the App may keep
// parts of it.
type request struct {
	conn     *conn
	id       uint16 // chosen by the web server
	role     Role
	keepConn bool
	status   wire.ProtocolStatus // of its END_REQUEST

	// The reading goroutine changes these until the request is ready.
	params      []byte        // the variables so far
	borrowed    bool          // params points into the reader's buffer
	since       time.Time     // when the wait for the rest of params began
	paramsBytes int64         // reserved in the request table
	heldBytes   int64         // reserved in the budget, for params that are not borrowed
	paramsEnded bool          // changed under conn.mu
	environ     *util.Environ // of text; nil if there are too many variables
	text        util.EnvironText
	refusal     error // why the App is not called; nil if it is

	ctx    requestContext
	stdin  body
	data   *body           // the file of a filter; nil for other roles
	share  *exchange.Share // the share of the budget for the bodies; nil before their first bytes
	memory gateway.Memory  // of the handler
	out    output
	unsent atomic.Pointer[unsentText] // nil for none
}

// handlers is a pool of BaseCGIHandlers without a request. Nothing refers to a handler after its
// Run.
var handlers = sync.Pool{New: func() any { return new(gateway.BaseCGIHandler) }}

// beginRequest handles BEGIN_REQUEST: it begins a request or refuses it.
func (c *conn) beginRequest(id uint16, content []byte) error {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		return err
	}
	c.mu.Lock()
	status, err := c.tryBegin(id, b)
	c.mu.Unlock()
	if err == nil && status != wire.RequestComplete {
		c.refuse(id, b.KeepConn, status)
	}
	return err
}

// tryBegin adds a request to the table, or returns a status other than RequestComplete. The caller
// holds mu.
func (c *conn) tryBegin(id uint16, b wire.BeginRequest) (wire.ProtocolStatus, error) {
	switch {
	case c.table.find(id) != nil:
		return 0, wire.Errorf("request %d begun again while it is open", id)
	case !c.state.allowsRequests() || len(c.table.open) > 0 && c.lc.Ending():
		return wire.CannotMultiplex, nil
	case !c.server.hasRole(b.Role):
		return wire.UnknownRole, nil
	case c.table.full():
		c.warn("refusing requests above the limit of a connection", "limit", maxSlots)
		return wire.Overloaded, nil
	case !c.lc.Active():
		return 0, gateway.ErrServerClosed
	case !c.server.conns.BeginRequest(c.server.MaxRequests):
		return wire.Overloaded, nil
	}
	c.table.add(newRequest(c, id, b))
	return wire.RequestComplete, nil
}

// refuse answers a request that is not added to the table with END_REQUEST.
func (c *conn) refuse(id uint16, keepConn bool, status wire.ProtocolStatus) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	c.mu.Lock()
	if !keepConn {
		c.state = c.state.after(eventLastEnd)
	}
	c.mu.Unlock()
	c.writer.send(wire.AppendEndRequest(nil, id, wire.EndRequest{ProtocolStatus: status}))
	c.closeIfDone()
}

func newRequest(c *conn, id uint16, b wire.BeginRequest) *request {
	r := &request{conn: c, id: id, role: b.Role, keepConn: b.KeepConn}
	r.ctx.request, r.out.request, r.stdin.request = r, r, r
	switch b.Role {
	case RoleFilter:
		r.data = &body{request: r}
	case RoleAuthorizer: // an authorizer has no body (FastCGI section 6.3)
		r.stdin.closeWrite(io.EOF)
	}
	return r
}

// handleParams handles a piece of the variables. When they are complete, the request becomes ready.
func (r *request) handleParams(p piece) error {
	c := r.conn
	switch {
	case r.paramsEnded:
		return wire.Errorf("PARAMS of request %d after their end", r.id)
	case p.ContentLength > 0:
		r.addParams(p.content)
		return nil
	}
	if err := r.decodeParams(); err != nil {
		return fmt.Errorf("request %d: %w", r.id, err)
	}
	c.mu.Lock()
	r.paramsEnded = true
	c.state = c.state.after(eventRequest)
	c.mu.Unlock()
	r.ctx.Begin(c.ctx, c.server.RequestTimeout, (*watcher)(r))
	c.ready = append(c.ready, r)
	return nil
}

// addParams keeps a piece of the variables. If a request exceeds its bounds, its variables are
// dropped, and it is refused when they have ended: FastCGI section 6.2 allows no response before
// that.
func (r *request) addParams(content []byte) {
	most := r.conn.limits.maxParamsBytes
	switch {
	case r.refusal != nil:
	case most >= 0 && r.paramsBytes+int64(len(content)) > most:
		r.refuseParams()
	case !r.keepParams(content):
		r.refuse(wire.Overloaded)
	}
}

// keepParams keeps a piece, and reports false if the connection or the server has no room for it.
// Variables of one piece, the usual case, stay in the reader's buffer.
func (r *request) keepParams(content []byte) bool {
	c, size := r.conn, int64(len(content))
	c.mu.Lock()
	reserved := c.table.reserve(r, size, c.limits.maxParamsBytes)
	c.mu.Unlock()
	switch {
	case !reserved:
		c.warnParams()
		return false
	case r.params == nil:
		r.params, r.borrowed = content, true
		return true
	}
	kept := r.copyParams() && r.reserveBudget(size)
	if kept {
		r.params = append(r.params, content...)
	}
	return kept
}

// copyParams copies the variables out of the reader's buffer, and reports false if there is no room
// for the copy.
func (r *request) copyParams() bool {
	if r.borrowed && r.reserveBudget(int64(len(r.params))) {
		r.params, r.borrowed = bytes.Clone(r.params), false
	}
	return !r.borrowed
}

// reserveBudget reserves size bytes of the budget, and reports false if there is no room.
func (r *request) reserveBudget(size int64) bool {
	if r.conn.limits.budget.Reserve(size, 0) != nil {
		r.conn.warn("refusing a request: the Budget has no room for its variables")
		return false
	}
	r.heldBytes += size
	return true
}

// refuseParams drops the variables. The request will be answered without the App.
func (r *request) refuseParams() {
	r.params, r.borrowed, r.refusal = nil, false, errParamsTooLarge
	r.conn.warnParams()
}

func (c *conn) warnParams() {
	c.warn("refusing a request with too many variables, or too large ones", "max_params", c.limits.maxParams,
		"max_params_bytes", c.limits.maxParamsBytes)
}

// decodeParams decodes the variables into the environ.
func (r *request) decodeParams() (err error) {
	switch err = wire.DecodePairsInto(&r.text, r.params, r.conn.limits.maxParams); {
	case err == nil:
		r.environ = r.text.Environ()
	case errors.Is(err, wire.ErrTooManyPairs):
		err = nil
		r.refuseParams()
	}
	r.params, r.borrowed = nil, false
	return err
}

// run answers the request.
func (r *request) run() {
	how := broken // stays so if the App calls runtime.Goexit
	defer func() {
		r.logUnsent()
		r.release() // before finish: the web server's next request may need the room
		r.finish(how)
		r.out.releaseBuffer()
		r.conn.unref()
	}()
	h := handlers.Get().(*gateway.BaseCGIHandler)
	*h = gateway.BaseCGIHandler{
		Environ:      r.environ,
		Stdin:        &r.stdin,
		StdinStream:  true,
		Stdout:       &r.out,
		Stderr:       (*errorStream)(r),
		Multithread:  true,
		MaxBodyBytes: r.conn.server.MaxBodyBytes,
		Refused:      r.conn.server.Refused,
		Memory:       &r.memory,
	}
	app := r.app(h)
	if h.Run(&r.ctx, app) == nil {
		how = completed
	}
	*h = gateway.BaseCGIHandler{}
	handlers.Put(h)
}

// app returns the App that answers the request, and sets what else h needs for it.
func (r *request) app(h *gateway.BaseCGIHandler) gateway.App {
	server := r.conn.server
	if r.refusal != nil {
		return gateway.Refuse(server.App, r.refusal)
	}
	sent, err := exchange.Mount(r.environ, server.Mount)
	if err != nil {
		return gateway.Refuse(server.App, err)
	}
	h.EscapedPath = sent
	switch r.role {
	case RoleAuthorizer:
		return authorizerApp{server.Authorizer}
	case RoleFilter:
		return &filterApp{server.Filter, r.data}
	}
	return server.App
}

// errParamsTooLarge is the reason to refuse a request whose variables exceed a bound.
var errParamsTooLarge error = &gateway.HeadTooLargeError{}

// called reports whether the App was called, or is about to be.
func (r *request) called() bool { return r.paramsEnded && !slices.Contains(r.conn.ready, r) }

// abort handles ABORT_REQUEST: the web server no longer wants the response (FastCGI section 5.4).
// If the App was called, run releases the request.
func (r *request) abort() {
	r.cancel(gateway.ErrClientGone)
	if !r.called() {
		r.conn.ready = slices.DeleteFunc(r.conn.ready, func(ready *request) bool { return ready == r })
		r.release()
	}
	r.finish(aborted)
}

// refuse ends a request whose App was not called and will not be.
func (r *request) refuse(status wire.ProtocolStatus) {
	r.status = status
	r.release()
	r.finish(aborted)
}

// cancel ends the context and the bodies of a request after an abort or a disconnect.
func (r *request) cancel(cause error) {
	r.ctx.End(cause)
	r.stdin.closeWrite(errBodyCut)
	if r.data != nil {
		r.data.closeWrite(errBodyCut)
	}
}

// outcome is how a request ends for its web server.
type outcome int

const (
	completed outcome = iota // the response is complete
	broken                   // it is not: neither the end of STDOUT nor END_REQUEST is sent
	aborted                  // the response is not wanted, or the App was not called
)

// finish ends the request for the web server. Only the first call has an effect. The rest of a
// complete response is sent in one write, because nginx keeps a connection only if END_REQUEST
// arrives together with the end of the body.
func (r *request) finish(how outcome) {
	c := r.conn
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	if r.out.ended {
		return
	}
	r.out.ended, r.out.aborted = true, how == aborted
	c.mu.Lock()
	c.table.forget(r) // before END_REQUEST, after which the web server may use the id again
	c.state = c.state.after(r.finishEvent(how))
	c.mu.Unlock()
	c.writer.send(r.out.lastRecords(how))
	c.closeIfDone()
}

// finishEvent returns the event of the connection that the end of the request is.
func (r *request) finishEvent(how outcome) connEvent {
	switch {
	case how == broken:
		return eventBrokenEnd
	case !r.keepConn:
		return eventLastEnd
	}
	return eventEnd
}

// release releases the slot and the memory that the request has of the connection and of the
// server. From then on, calls of an App that still uses the request fail. It must be called once.
func (r *request) release() {
	c := r.conn
	r.ctx.Release()
	r.stdin.closeRead()
	if r.data != nil {
		r.data.closeRead()
	}
	if r.heldBytes > 0 {
		c.limits.budget.Release(r.heldBytes, 0)
	}
	c.mu.Lock()
	c.table.release(r)
	c.mu.Unlock()
	c.server.conns.EndRequest()
}

// drop removes a request whose App was not called and whose web server has disconnected.
func (r *request) drop() {
	c := r.conn
	c.mu.Lock()
	c.table.forget(r)
	c.mu.Unlock()
	r.release()
}
