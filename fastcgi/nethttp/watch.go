package nethttp

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// maxOpen is how many requests one connection may have. Each may hold its share of the connection's
// variables.
const maxOpen = 128

// handleRecord decides what becomes of a record that the web server sent. Records of ids that are
// not open mean nothing (FastCGI section 3.3), nor do types that no responder knows: net/http/fcgi
// does not get them. An error closes the connection.
func (c *conn) handleRecord(h wire.Header, record []byte) error {
	content := record[wire.HeaderSize:][:h.ContentLength]
	switch {
	case h.ID == 0:
		return c.handleManagement(h.Type, record, content)
	case h.Type == wire.TypeBeginRequest:
		return c.begin(h.ID, record, content)
	}
	r := c.find(h.ID)
	switch {
	case r == nil:
		return nil
	case h.Type == wire.TypeAbortRequest:
		c.abort(r)
	case h.Type == wire.TypeParams:
		return c.handleParams(r, record, content)
	case h.Type == wire.TypeStdin:
		return c.handleStdin(r, record, content)
	}
	return nil
}

// handleManagement leaves management records to net/http/fcgi (FastCGI section 4).
func (c *conn) handleManagement(t wire.RecordType, record, content []byte) error {
	if t <= wire.TypeData { // net/http/fcgi would begin a request 0
		return wire.Errorf("record of type %d for request 0, which does not exist", t)
	}
	if t == wire.TypeGetValues { // net/http/fcgi does not look at the names
		if _, err := wire.AnswerValues(content, unknown); err != nil {
			return fmt.Errorf("GET_VALUES: %w", err)
		}
	}
	c.ahead.put(record)
	return nil
}

// unknown knows no value: the answer is that of net/http/fcgi.
func unknown(string) (value string, ok bool) { return "", false }

// begin opens a request, or tells the web server why not.
func (c *conn) begin(id uint16, record, content []byte) error {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		return err
	}
	c.mu.Lock()
	status, err := c.reserve(id, b, record)
	c.mu.Unlock()
	if err != nil || status == wire.RequestComplete {
		return err
	}
	c.refuse(id, b.KeepConn, refusal(id, status))
	return nil
}

// reserve gives a request its place, or returns another status than RequestComplete. An id is not
// free before net/http/fcgi has written the END_REQUEST of its request. The caller holds mu.
func (c *conn) reserve(id uint16, b wire.BeginRequest, record []byte) (wire.ProtocolStatus, error) {
	open := len(c.requests.open)
	switch {
	case c.requests.open[id] != nil:
		return 0, wire.Errorf("request %d begun again while it is open", id)
	case c.state > serving || open > 0 && c.tracked.Ending():
		return wire.CannotMultiplex, nil
	case b.Role != wire.RoleResponder:
		return wire.UnknownRole, nil
	case open >= maxOpen:
		c.warn("refusing requests above the limit of a connection", "limit", maxOpen)
		return wire.Overloaded, nil
	case !c.tracked.Active():
		return 0, gateway.ErrServerClosed
	}
	if !c.server.conns.BeginRequest(c.server.MaxRequests) {
		return wire.Overloaded, nil
	}
	c.requests.open[id] = newRequest(c, id, b.KeepConn, record)
	return wire.RequestComplete, nil
}

// handleParams holds a piece of the variables back, and decodes them when they are complete.
func (c *conn) handleParams(r *request, record, content []byte) error {
	switch {
	case r.paramsEnded:
		return wire.Errorf("PARAMS of request %d after their end", r.id)
	case len(content) > 0:
		c.holdParams(r, record, len(content))
		return nil
	}
	err := r.decodeParams(record, c.maxParams())
	switch {
	case err == nil:
		c.mu.Lock()
		r.paramsEnded = true
		c.mu.Unlock()
		return nil
	case errors.Is(err, errOverBounds):
		c.logParams()
		c.drop(r)
		c.refuse(r.id, r.keepConn, c.tooLarge(r.id)) // not earlier, by FastCGI section 6.2
		return nil
	}
	return fmt.Errorf("request %d: %w", r.id, err)
}

// holdParams holds a record of variables back, within the bounds.
func (c *conn) holdParams(r *request, record []byte, size int) {
	most := c.maxParamsBytes()
	if most >= 0 && r.size+int64(size) > most {
		r.overBounds, r.held = true, nil
	}
	if r.overBounds {
		return
	}
	c.mu.Lock()
	reserved := c.requests.reserve(r, int64(len(record)), most)
	c.mu.Unlock()
	if !reserved {
		c.logParams()
		c.drop(r)
		c.refuse(r.id, r.keepConn, refusal(r.id, wire.Overloaded))
		return
	}
	r.size += int64(size)
	r.held = append(r.held, record...)
}

func (c *conn) logParams() {
	c.warn("refusing a request with too many variables, or too large ones",
		"max_params", c.maxParams(), "max_params_bytes", c.maxParamsBytes())
}

func (c *conn) maxParams() int { return cmp.Or(c.server.MaxParams, transport.DefaultMaxParams) }

func (c *conn) maxParamsBytes() int64 {
	return cmp.Or(c.server.MaxParamsBytes, transport.DefaultMaxParamsBytes)
}

// handleStdin passes a piece of the body on. With the first one net/http/fcgi gets the whole
// request.
func (c *conn) handleStdin(r *request, record, content []byte) error {
	if !r.paramsEnded {
		return wire.Errorf("STDIN of request %d before the end of its PARAMS", r.id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.stdinEnded {
		return nil
	}
	if !r.passed {
		r.passed, c.asked = true, true
		c.running.Add(1)
		r.ctx.Begin(c.ctx, c.server.RequestTimeout, nil)
		c.ahead.put(r.held)
		r.held = nil
	}
	r.stdinEnded = len(content) == 0
	c.ahead.put(record)
	return nil
}

// abort ends the context of a request that the web server does not want any more (FastCGI section
// 5.4). net/http/fcgi never learns of it: it would send END_REQUEST while its handler runs.
func (c *conn) abort(r *request) {
	if !r.passed {
		c.drop(r)
		c.refuse(r.id, r.keepConn, refusal(r.id, wire.RequestComplete))
		return
	}
	r.aborted.Store(true)
	r.ctx.End(gateway.ErrClientGone)
	c.cutStdin(r, errBodyCut)
}

// cutStdin ends a body that has not come to its end, with the error that the App reads. It is the
// end of the body to net/http/fcgi too.
func (c *conn) cutStdin(r *request, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.stdinEnded {
		return
	}
	r.stdinEnded = true
	r.stdin.cut(err) // before net/http/fcgi can show its end to the App
	c.ahead.put(wire.AppendRecord(nil, wire.TypeStdin, r.id, nil))
}

// drop takes away a request that net/http/fcgi does not know.
func (c *conn) drop(r *request) {
	r.ctx.End(nil)
	c.forget(r, serving)
}
