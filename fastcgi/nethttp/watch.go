package nethttp

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// maxOpen is how many requests one connection may have. Each may hold its share of the bytes for
// the connection's variables.
const maxOpen = 128

// handleRecord handles a record of the web server. It ignores records of an id that is not open
// (FastCGI section 3.3), and types that a responder does not handle: they are not passed to
// net/http/fcgi. An error closes the connection.
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

// handleManagement passes a management record to net/http/fcgi (FastCGI section 4).
func (c *conn) handleManagement(t wire.RecordType, record, content []byte) error {
	if t <= wire.TypeData { // with it, net/http/fcgi would begin a request 0
		return wire.Errorf("record of type %d for request 0, which does not exist", t)
	}
	if t == wire.TypeGetValues { // net/http/fcgi does not check the names
		if _, err := wire.AnswerValues(content, unknown); err != nil {
			return fmt.Errorf("GET_VALUES: %w", err)
		}
	}
	c.ahead.write(record)
	return nil
}

// unknown returns no value: net/http/fcgi answers the query.
func unknown(string) (value string, ok bool) { return "", false }

// begin handles BEGIN_REQUEST: it begins a request or refuses it.
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

// reserve adds a request to the table, or returns a status other than RequestComplete. An id is
// free again when net/http/fcgi has written the END_REQUEST of its request. The caller holds mu.
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

// handleParams holds a piece of the variables, and decodes them when they are complete.
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
		c.refuse(r.id, r.keepConn, c.tooLarge(r.id)) // FastCGI section 6.2 allows it only now
		return nil
	}
	return fmt.Errorf("request %d: %w", r.id, err)
}

// holdParams holds a record of variables, within the bounds.
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

// handleStdin passes on a piece of the body, and before the first piece all held records of the
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
		r.passed, c.passedOne = true, true
		c.running.Add(1)
		r.ctx.Begin(c.ctx, c.server.RequestTimeout, nil)
		c.ahead.write(r.held)
		r.held = nil
	}
	r.stdinEnded = len(content) == 0
	c.ahead.write(record)
	return nil
}

// abort handles ABORT_REQUEST: the web server no longer wants the response (FastCGI section 5.4).
// The record is not passed to net/http/fcgi, which would send END_REQUEST while its handler runs.
func (c *conn) abort(r *request) {
	if !r.passed {
		c.drop(r)
		c.refuse(r.id, r.keepConn, refusal(r.id, wire.RequestComplete))
		return
	}
	r.aborted.Store(true)
	r.ctx.End(gateway.ErrClientGone)
	c.failStdin(r, errBodyCut)
}

// failStdin makes the App read err from a body that has not ended, and ends the body for
// net/http/fcgi too.
func (c *conn) failStdin(r *request, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.stdinEnded {
		return
	}
	r.stdinEnded = true
	r.stdin.fail(err) // first: after the end, net/http/fcgi could return io.EOF to the App
	c.ahead.write(wire.AppendRecord(nil, wire.TypeStdin, r.id, nil))
}

// drop removes a request that was not passed to net/http/fcgi.
func (c *conn) drop(r *request) {
	r.ctx.End(nil)
	c.forget(r, serving)
}
