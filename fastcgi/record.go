package fastcgi

import (
	"fmt"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// handleRecord does what a piece of a record says. Records of an id that is not open mean nothing
// (FastCGI section 3.3), nor do types that no application knows. An error closes the connection.
func (c *conn) handleRecord(p piece) error {
	switch {
	case p.ID == 0:
		return c.handleManagement(p)
	case p.Type == wire.TypeBeginRequest:
		return c.beginRequest(p.ID, p.content)
	}
	c.mu.Lock()
	r := c.table.find(p.ID)
	c.mu.Unlock()
	switch {
	case r == nil:
		return nil
	case p.Type == wire.TypeAbortRequest && p.last:
		r.abort()
	case p.Type == wire.TypeParams:
		return r.handleParams(p)
	case p.Type == wire.TypeStdin:
		return r.handleBody(&r.stdin, p)
	case p.Type == wire.TypeData && r.data != nil:
		return r.handleBody(r.data, p)
	}
	return nil
}

// handleManagement answers a management record (FastCGI section 4). An answer that cannot be sent
// is no error here: the reader finds out for itself that the connection is lost, and goes on where
// only our side is closed.
func (c *conn) handleManagement(p piece) error {
	answer := []byte(nil)
	switch {
	case p.Type <= wire.TypeData:
		return wire.Errorf("record of type %d for request 0, which does not exist", p.Type)
	case !p.last || p.Type == wire.TypeUnknownType: // an answer to that could go on for ever
		return nil
	case p.Type == wire.TypeGetValues:
		values, err := wire.AnswerValues(p.content, c.value)
		if err != nil {
			return fmt.Errorf("GET_VALUES: %w", err)
		}
		answer = wire.AppendRecord(nil, wire.TypeGetValuesResult, 0, values)
	default:
		answer = wire.AppendUnknownType(nil, p.Type)
	}
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	c.writer.send(answer)
	return nil
}

// value is the server's. A web server that asks whether connections can be shared is about to share
// this one.
func (c *conn) value(name string) (string, bool) {
	if name == "FCGI_MPXS_CONNS" {
		c.mu.Lock()
		c.table.shared = true
		c.mu.Unlock()
	}
	return c.server.value(name)
}
