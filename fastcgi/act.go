package fastcgi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// act does what a record says. Records of an id that is not open mean nothing (FastCGI section 3.3), nor do types that no
// application knows. An error closes the connection.
func (c *conn) act(p piece) error {
	if p.ID == 0 {
		return c.manage(p)
	}
	if p.Type == wire.TypeBeginRequest {
		return c.begin(p.ID, p.content)
	}
	c.mu.Lock()
	r := c.table.find(p.ID)
	c.mu.Unlock()
	switch {
	case r == nil:
		return nil
	case p.Type == wire.TypeAbortRequest && p.last:
		c.abort(r)
	case p.Type == wire.TypeParams:
		return c.params(r, p)
	case p.Type == wire.TypeStdin:
		return c.body(r, &r.stdin, p)
	case p.Type == wire.TypeData && r.data != nil:
		return c.body(r, r.data, p)
	}
	return nil
}

// manage answers a management record (FastCGI section 4).
func (c *conn) manage(p piece) error {
	switch {
	case p.Type <= wire.TypeData:
		return wire.Errorf("record of type %d for request 0, which there is none", p.Type)
	case !p.last || p.Type == wire.TypeUnknownType: // an answer to that could go on for ever
		return nil
	case p.Type != wire.TypeGetValues:
		c.reply(wire.AppendUnknownType(nil, p.Type))
		return nil
	}
	answer, err := wire.AnswerValues(p.content, c.value)
	if err != nil {
		return fmt.Errorf("GET_VALUES: %w", err)
	}
	c.reply(wire.AppendRecord(nil, wire.TypeGetValuesResult, 0, answer))
	return nil
}

// value is the server's. Who asks whether connections can be shared is about to share this one.
func (c *conn) value(name string) (string, bool) {
	if name == "FCGI_MPXS_CONNS" {
		c.mu.Lock()
		c.table.shared = true
		c.mu.Unlock()
	}
	return c.server.value(name)
}

// begin opens a request, or tells the web server why not.
func (c *conn) begin(id uint16, content []byte) error {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		return err
	}
	c.mu.Lock()
	status, err := c.admit(id, b)
	c.mu.Unlock()
	if err != nil || status == wire.RequestComplete {
		return err
	}
	if status == wire.Overloaded && c.server.overRequests.IsNews() {
		c.limits.log.Warn("refusing requests above the limits", "max_requests", c.server.MaxRequests, "max_of_connection", maxSlots,
			"peer", c.peer())
	}
	c.refuse(id, b.KeepConn, status)
	return nil
}

// admit gives a request its place, or returns another status than RequestComplete. The caller holds mu.
func (c *conn) admit(id uint16, b wire.BeginRequest) (wire.ProtocolStatus, error) {
	switch {
	case c.table.find(id) != nil:
		return 0, wire.Errorf("request %d begun again while it is open", id)
	case c.closing || c.broken || c.lingering || len(c.table.open) > 0 && c.lc.Ending():
		return wire.CannotMultiplex, nil
	case !c.server.answers(b.Role):
		return wire.UnknownRole, nil
	case c.table.full():
		return wire.Overloaded, nil
	case !c.lc.Active():
		return 0, gateway.ErrServerClosed
	}
	if entered, _ := c.server.requests.Enter(c.server.MaxRequests); !entered {
		return wire.Overloaded, nil
	}
	c.table.admit(newRequest(c, id, b))
	return wire.RequestComplete, nil
}

// params takes a piece of the variables, and makes the request ready when they are complete.
func (c *conn) params(r *request, p piece) error {
	switch {
	case r.paramsEnded:
		return wire.Errorf("PARAMS of request %d behind their end", r.id)
	case p.ContentLength > 0:
		c.addParams(r, p.content)
		return nil
	}
	if err := r.decodeParams(); err != nil {
		return fmt.Errorf("request %d: %w", r.id, err)
	}
	if r.refusal != nil {
		c.logParams()
	}
	c.mu.Lock()
	r.paramsEnded = true
	c.mu.Unlock()
	r.ctx.Begin(c.ctx, c.server.RequestTimeout, (*watcher)(r))
	c.ready = append(c.ready, r)
	return nil
}

// addParams keeps a piece of the variables, within the bounds. Those of a request that is over them are dropped, and it is refused
// when they have ended: an answer before that would be against FastCGI section 6.2.
func (c *conn) addParams(r *request, content []byte) {
	most, size := c.limits.maxParamsBytes, int64(len(content))
	switch {
	case r.refusal != nil:
	case most >= 0 && r.paramsBytes+size > most:
		r.params, r.refusal = nil, paramsTooLarge
	case !c.reserve(r, size):
		c.logParams()
		c.drop(r)
		c.refuse(r.id, r.keepConn, wire.Overloaded)
	default:
		r.addParams(content)
	}
}

// reserve counts size bytes of variables, unless that is over the connection's bound.
func (c *conn) reserve(r *request, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.table.reserve(r, size, c.limits.maxParamsBytes)
}

func (c *conn) logParams() {
	if c.server.overParams.IsNews() {
		c.limits.log.Warn("refusing a request with too many variables, or too large ones", "max_params", c.limits.maxParams,
			"max_params_bytes", c.limits.maxParamsBytes, "peer", c.peer())
	}
}

// ownParams copies variables out of the buffer, which is about to be filled anew.
func (c *conn) ownParams() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for r := range c.table.pendingParams() {
		r.ownParams()
	}
}

// body takes a piece of the body, or of the file of a filter.
func (c *conn) body(r *request, b *body, p piece) error {
	switch {
	case !r.paramsEnded:
		return wire.Errorf("%s of request %d before the end of its PARAMS", streamName(p.Type), r.id)
	case p.ContentLength == 0:
		b.end(io.EOF)
		return nil
	}
	c.mu.Lock()
	spill := c.table.shared || r.data != nil // a filter may read either stream first
	c.mu.Unlock()
	if b.put(p.content, spill) || len(c.ready) > 0 {
		return nil
	}
	return c.stall(r, b)
}

func streamName(t wire.RecordType) string {
	if t == wire.TypeData {
		return "DATA"
	}
	return "STDIN"
}

// stall waits until r has read some of its body: alone on its connection, a request simply stops being read. What can be seen
// meanwhile is that the web server goes away; what it has sent is there to be read all the same.
func (c *conn) stall(r *request, b *body) error {
	for !b.roomy() {
		c.mu.Lock()
		c.stalled, c.deadline = r, time.Time{}
		c.nc.SetReadDeadline(c.deadline)
		c.mu.Unlock()
		gone, err := c.socket.WaitGone(b.roomy)
		c.mu.Lock()
		c.stalled = nil
		c.mu.Unlock()
		if gone {
			r.ctx.End(gateway.ErrClientGone)
		}
		switch {
		case gone || errors.Is(err, errors.ErrUnsupported):
			b.waitForRoom()
		case err != nil && !errors.Is(err, os.ErrDeadlineExceeded): // the deadline is unstall's
			return err
		}
	}
	return nil
}

// unstall wakes a reader that waits for r.
func (c *conn) unstall(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stalled == r {
		c.deadline = longAgo
		c.nc.SetReadDeadline(longAgo)
	}
}

// abort ends a request for a web server that does not want it any more (FastCGI section 5.4).
func (c *conn) abort(r *request) {
	r.cut()
	if i := slices.Index(c.ready, r); i >= 0 {
		c.ready = slices.Delete(c.ready, i, i+1)
		c.finish(r, abortedByPeer)
		c.release(r)
		return
	}
	if !r.paramsEnded {
		c.drop(r)
		c.refuse(r.id, r.keepConn, wire.RequestComplete)
		return
	}
	c.finish(r, abortedByPeer)
}

// drop takes away a request that was not ready yet. A refuse must follow where there is somebody to hear it.
func (c *conn) drop(r *request) {
	c.mu.Lock()
	c.table.forget(r)
	c.mu.Unlock()
	c.release(r)
}

// release gives back what a request holds of the connection and of the server.
func (c *conn) release(r *request) {
	r.end()
	c.mu.Lock()
	c.table.release(r)
	c.mu.Unlock()
	c.server.requests.Leave()
}
