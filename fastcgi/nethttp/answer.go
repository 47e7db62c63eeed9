package nethttp

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// handleAnswer decides what becomes of a record that net/http/fcgi writes. What it writes once the
// App has returned is kept until it ends the request, and sent in one piece: nginx keeps a
// connection only if END_REQUEST comes together with the end of the body.
func (c *conn) handleAnswer(record []byte) error {
	h, err := wire.ParseHeader([wire.HeaderSize]byte(record))
	if err != nil {
		return err
	}
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	r := c.find(h.ID)
	switch {
	case r == nil: // the connection's own
		return c.writer.send(record)
	case h.Type == wire.TypeEndRequest:
		c.finish(r, record)
	case r.aborted.Load() && h.ContentLength > 0:
		return io.ErrClosedPipe
	case !r.returned:
		return c.writer.send(record)
	case r.broken && (!r.headSet || h.ContentLength == 0):
		// It is net/http/fcgi's own head, or the end of a STDOUT that is not complete.
	default:
		r.tail = append(r.tail, record...)
	}
	return nil
}

// appReturned notes that the App has returned, with an error where its response is not complete.
func (c *conn) appReturned(r *request, err error) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	r.returned = true
	r.broken = err != nil && !r.aborted.Load()
}

// appExited ends the request of an App that called runtime.Goexit: net/http/fcgi will not.
func (c *conn) appExited(r *request) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	r.broken = true
	c.finish(r, nil)
}

// finish ends a request that net/http/fcgi has, with its END_REQUEST unless the response is not
// complete. The id and the place are free before the web server hears of it, as its next request
// may need them. The caller holds writer.mu.
func (c *conn) finish(r *request, endRequest []byte) {
	c.cutStdin(r, gateway.ErrFinished)
	r.ctx.End(nil)
	next := serving
	switch {
	case r.broken:
		next, endRequest = breaking, nil
	case !r.keepConn:
		next = closing
	}
	c.forget(r, next)
	c.writer.send(append(r.tail, endRequest...))
	c.closeIfDone()
	c.running.Done()
}

// forget gives back what a request holds of the connection and of the server, and advances the
// state.
func (c *conn) forget(r *request, next state) {
	c.mu.Lock()
	c.requests.forget(r)
	c.state = max(c.state, next)
	c.mu.Unlock()
	c.server.conns.EndRequest()
}

// refuse answers a request that net/http/fcgi does not have.
func (c *conn) refuse(id uint16, keepConn bool, answer []byte) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	if !keepConn {
		c.mu.Lock()
		c.state = max(c.state, closing)
		c.mu.Unlock()
	}
	c.writer.send(answer)
	c.closeIfDone()
}

// closeIfDone closes our side of a connection that is to end, when no request is open on it. The
// caller holds writer.mu.
func (c *conn) closeIfDone() {
	c.mu.Lock()
	before := c.state
	done := len(c.requests.open) == 0 && before != ended && (before > serving || !c.tracked.Idle())
	if done {
		c.state, c.lingerUntil = ended, time.Now().Add(lingerTime)
	}
	c.setReadDeadline()
	c.mu.Unlock()
	if done {
		c.writer.closeSide(before == breaking)
	}
}

// writeFailed ends the contexts of all requests: their peer takes no more.
func (c *conn) writeFailed(err error, late bool) {
	cause := c.goneCause()
	if late {
		cause = err
		c.warn("closing a connection that takes nothing", "reason", "the peer took nothing of a response within WriteTimeout")
	}
	c.endContexts(cause)
}

// refusal is an END_REQUEST with a protocol status (FastCGI section 5.5).
func refusal(id uint16, status wire.ProtocolStatus) []byte {
	return wire.AppendEndRequest(nil, id, wire.EndRequest{ProtocolStatus: status})
}

// tooLarge answers a request whose variables are over a bound.
func (c *conn) tooLarge(id uint16) []byte {
	var response bytes.Buffer
	h := gateway.BaseCGIHandler{
		Stdout:       &response,
		Refused:      c.server.Refused,
		LogException: c.logException,
	}
	h.Run(context.Background(), gateway.Refuse(&gateway.HeadTooLargeError{}))
	answer := wire.AppendRecord(nil, wire.TypeStdout, id, response.Bytes())
	answer = wire.AppendRecord(answer, wire.TypeStdout, id, nil)
	return append(answer, refusal(id, wire.RequestComplete)...)
}
