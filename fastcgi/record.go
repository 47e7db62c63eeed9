package fastcgi

import (
	"fmt"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// handleRecord handles a piece of a record. It ignores records of an id that is not open (FastCGI
// section 3.3), and types that an application does not handle. An error closes the connection.
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

// handleManagement answers a management record (FastCGI section 4). A failure to send the answer is
// not returned: the reader itself notices a lost connection, and must continue if only our side is
// closed.
func (c *conn) handleManagement(p piece) error {
	answer := []byte(nil)
	switch {
	case p.Type <= wire.TypeData:
		return wire.Errorf("record of type %d for request 0, which does not exist", p.Type)
	case !p.last || p.Type == wire.TypeUnknownType: // answering UNKNOWN_TYPE could loop for ever
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

// value returns a value of the server for GET_VALUES. A peer that asks for FCGI_MPXS_CONNS is about
// to multiplex this connection.
func (c *conn) value(name string) (string, bool) {
	if name == "FCGI_MPXS_CONNS" {
		c.mu.Lock()
		c.table.shared = true
		c.mu.Unlock()
	}
	return c.server.value(name)
}
