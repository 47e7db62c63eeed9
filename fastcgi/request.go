package fastcgi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/exchange"
	"github.com/cgikit/cgikit/util"
)

// The life of a request, in the order of this file:
//
//	BEGIN_REQUEST   beginRequest   it is admitted to the request table, or refused
//	PARAMS          handleParams   its variables are collected within their bounds, and decoded
//	                run            its App is called, when all that has come was handled
//	ABORT_REQUEST   abort          may come at any time
//	END_REQUEST     finish         its last records are sent; the web server may use its id again
//	                release        what it holds is given back, as its App has returned

// request is one request on a conn, in one allocation. The App may hold on to parts of it, so it is
// never pooled.
type request struct {
	conn     *conn
	id       uint16 // the web server's number for it
	role     Role
	keepConn bool
	status   wire.ProtocolStatus // of its END_REQUEST

	// The goroutine that reads changes these until it has made the request ready.
	params      []byte    // so far
	borrowed    bool      // params is a part of the reader's buffer
	since       time.Time // when the wait for the rest of params began
	paramsBytes int64     // reserved in the request table
	heldBytes   int64     // reserved in the budget: of params that are not borrowed
	paramsEnded bool      // changed under conn.mu
	environ     *util.Environ
	refusal     gateway.App // answers in the App's place; nil for the App itself

	ctx     requestContext
	stdin   body
	data    *body           // of a filter
	share   *exchange.Share // of the budget, for the bodies; nil before their first bytes
	handler gateway.BaseCGIHandler
	out     output
	unsent  unsentText
}

// beginRequest opens a request, or tells the web server why not.
func (c *conn) beginRequest(id uint16, content []byte) error {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		return err
	}
	c.mu.Lock()
	status, err := c.tryAdmit(id, b)
	c.mu.Unlock()
	if err == nil && status != wire.RequestComplete {
		c.refuse(id, b.KeepConn, status)
	}
	return err
}

// tryAdmit admits a request to the table, or returns another status than RequestComplete. The
// caller holds mu.
func (c *conn) tryAdmit(id uint16, b wire.BeginRequest) (wire.ProtocolStatus, error) {
	switch {
	case c.table.find(id) != nil:
		return 0, wire.Errorf("request %d begun again while it is open", id)
	case !c.state.admits() || len(c.table.open) > 0 && c.lc.Ending():
		return wire.CannotMultiplex, nil
	case !c.server.answers(b.Role):
		return wire.UnknownRole, nil
	case c.table.full():
		c.warn("refusing requests above the limit of a connection", "limit", maxSlots)
		return wire.Overloaded, nil
	case !c.lc.Active():
		return 0, gateway.ErrServerClosed
	case !c.server.conns.BeginRequest(c.server.MaxRequests):
		return wire.Overloaded, nil
	}
	c.table.admit(newRequest(c, id, b))
	return wire.RequestComplete, nil
}

// refuse ends a request that is not admitted.
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
	r.ctx.request, r.out.request = r, r
	r.stdin.init(r)
	switch b.Role {
	case RoleFilter:
		r.data = new(body)
		r.data.init(r)
	case RoleAuthorizer: // has no body (FastCGI section 6.3)
		r.stdin.closeWrite(io.EOF)
	}
	return r
}

// handleParams takes a piece of the variables, and makes the request ready when they are complete.
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

// addParams keeps a piece of the variables. Those of a request that is over its bounds are dropped,
// and it is refused when they have ended: an answer before that would be against FastCGI section
// 6.2.
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

// keepParams keeps a piece, and reports false where the connection or the server has no room for
// it. The usual one piece stays where it is, in the reader's buffer.
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
	kept := r.ownParams() && r.holdParams(size)
	if kept {
		r.params = append(r.params, content...)
	}
	return kept
}

// ownParams copies what was left in the reader's buffer, and reports false where there is no room
// for that.
func (r *request) ownParams() bool {
	if r.borrowed && r.holdParams(int64(len(r.params))) {
		r.params, r.borrowed = bytes.Clone(r.params), false
	}
	return !r.borrowed
}

// holdParams reserves size bytes of the budget.
func (r *request) holdParams(size int64) bool {
	if r.conn.limits.budget.Reserve(size, 0) != nil {
		r.conn.warn("refusing a request: what waits for Apps leaves no room for its variables")
		return false
	}
	r.heldBytes += size
	return true
}

// refuseParams drops the variables, and has the request answered without the App.
func (r *request) refuseParams() {
	r.params, r.borrowed, r.refusal = nil, false, paramsTooLarge
	r.conn.warnParams()
}

func (c *conn) warnParams() {
	c.warn("refusing a request with too many variables, or too large ones", "max_params", c.limits.maxParams,
		"max_params_bytes", c.limits.maxParamsBytes)
}

// decodeParams makes the environ of the variables.
func (r *request) decodeParams() (err error) {
	r.environ, err = wire.DecodePairs(r.params, r.conn.limits.maxParams)
	if errors.Is(err, wire.ErrTooManyPairs) {
		err = nil
		r.refuseParams()
	}
	r.params, r.borrowed = nil, false
	return err
}

// run answers the request.
func (r *request) run() {
	how := broken // what is left where the App calls runtime.Goexit
	defer func() {
		r.unsent.log(r)
		r.release() // before the web server hears of the end, as its next request may need the room
		r.finish(how)
		r.out.releaseBuffer()
		r.conn.unref()
	}()
	r.handler = gateway.BaseCGIHandler{
		Environ:      r.environ,
		Stdin:        &r.stdin,
		StdinStream:  true,
		Stdout:       &r.out,
		Stderr:       (*errorStream)(r),
		Multithread:  true,
		MaxBodyBytes: r.conn.server.MaxBodyBytes,
		Refused:      r.conn.server.Refused,
	}
	if r.handler.Run(&r.ctx, r.app()) == nil {
		how = completed
	}
}

// app returns what answers the request.
func (r *request) app() gateway.App {
	server := r.conn.server
	if r.refusal != nil {
		return r.refusal
	}
	sent, err := exchange.Mount(r.environ, server.Mount)
	if err != nil {
		return gateway.Refuse(err)
	}
	r.handler.EscapedPath = sent
	switch r.role {
	case RoleAuthorizer:
		return authorizerApp{server.Authorizer}
	case RoleFilter:
		return &filterApp{server.Filter, r.data}
	}
	return server.App
}

// paramsTooLarge answers a request whose variables are over a bound.
var paramsTooLarge = gateway.Refuse(&gateway.HeadTooLargeError{})

// called reports whether the App was called, or is about to be.
func (r *request) called() bool { return r.paramsEnded && !slices.Contains(r.conn.ready, r) }

// abort ends a request that the web server does not want any more (FastCGI section 5.4). An App
// that was called releases it.
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

// cancel ends what the web server no longer sends, and tells the App.
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
	completed outcome = iota // its response is whole
	broken                   // it is not: neither the end of STDOUT nor END_REQUEST is sent
	aborted                  // the response is not wanted, or no App was called
)

// finish ends the request for the web server, once: later calls do nothing. What is left of a whole
// response is sent in one write, as nginx keeps a connection only if END_REQUEST comes together
// with the end of the body.
func (r *request) finish(how outcome) {
	c := r.conn
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	if r.out.ended {
		return
	}
	r.out.ended, r.out.aborted = true, how == aborted
	c.mu.Lock()
	c.table.forget(r) // before the web server hears of it, as it may use the id again at once
	c.state = c.state.after(r.endEvent(how))
	c.mu.Unlock()
	c.writer.send(r.out.lastRecords(how))
	c.closeIfDone()
}

func (r *request) endEvent(how outcome) connEvent {
	switch {
	case how == broken:
		return eventBrokenEnd
	case !r.keepConn:
		return eventLastEnd
	}
	return eventEnd
}

// release gives back what the request holds of the connection and of the server. What the App may
// still hold fails from then on. It must be called once.
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

// drop ends a request whose App was not called, without an answer: its web server has gone.
func (r *request) drop() {
	c := r.conn
	c.mu.Lock()
	c.table.forget(r)
	c.mu.Unlock()
	r.release()
}
