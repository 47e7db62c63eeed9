package nethttp

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// handleAnswer handles a record that net/http/fcgi writes: it sends, keeps or drops it. Records
// that are written after the App has returned are kept until net/http/fcgi ends the request, and
// are then sent in one write: nginx keeps a connection only if END_REQUEST arrives together with
// the end of the body.
func (c *conn) handleAnswer(record []byte) error {
	h, err := wire.ParseHeader([wire.HeaderSize]byte(record))
	if err != nil {
		return err
	}
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	r := c.find(h.ID)
	switch {
	case r == nil: // a management record
		return c.writer.send(record)
	case h.Type == wire.TypeEndRequest:
		c.finish(r, record)
	case r.aborted.Load() && h.ContentLength > 0:
		return io.ErrClosedPipe
	case !r.returned:
		return c.writer.send(record)
	case r.broken && (!r.headSet || h.ContentLength == 0):
		// Drop the head that net/http/fcgi itself makes, or the end of an incomplete STDOUT.
	default:
		r.tail = append(r.tail, record...)
	}
	return nil
}

// appReturned notes that the App has returned. err is not nil if its response is incomplete.
func (c *conn) appReturned(r *request, err error) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	r.returned = true
	r.broken = err != nil && !r.aborted.Load()
}

// appExited finishes the request of an App that has called runtime.Goexit, which net/http/fcgi does
// not do.
func (c *conn) appExited(r *request) {
	c.writer.mu.Lock()
	defer c.writer.mu.Unlock()
	r.broken = true
	c.finish(r, nil)
}

// finish ends a request that was passed to net/http/fcgi. It sends its END_REQUEST unless the
// response is incomplete. The id and the slot are released first, because the next request of the
// web server may need them. The caller holds writer.mu.
func (c *conn) finish(r *request, endRequest []byte) {
	c.failStdin(r, gateway.ErrFinished)
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

// forget releases the id, the slot and the bytes of a request, and advances the state.
func (c *conn) forget(r *request, next state) {
	c.mu.Lock()
	c.requests.forget(r)
	c.state = max(c.state, next)
	c.mu.Unlock()
	c.server.conns.EndRequest()
}

// refuse answers a request that was not passed to net/http/fcgi.
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

// closeIfDone closes our side of the connection if no request is open and the connection is not to
// be kept. The caller holds writer.mu.
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
		c.writer.closeSending(before == breaking)
	}
}

// writeFailed cancels the contexts of all requests, because nothing more can be written.
func (c *conn) writeFailed(err error, late bool) {
	cause := c.goneCause()
	if late {
		cause = err
		c.warn("closing a connection whose peer does not read", "reason", "the peer read nothing of a response within WriteTimeout")
	}
	c.cancelContexts(cause)
}

// refusal returns an END_REQUEST with a protocol status (FastCGI section 5.5).
func refusal(id uint16, status wire.ProtocolStatus) []byte {
	return wire.AppendEndRequest(nil, id, wire.EndRequest{ProtocolStatus: status})
}

// tooLarge returns the response to a request whose variables exceed a bound.
func (c *conn) tooLarge(id uint16) []byte {
	var response bytes.Buffer
	h := gateway.BaseCGIHandler{
		Stdout:       &response,
		Refused:      c.server.Refused,
		LogException: c.logException,
	}
	h.Run(context.Background(), gateway.Refuse(c.server.App, &gateway.HeadTooLargeError{}))
	answer := wire.AppendRecord(nil, wire.TypeStdout, id, response.Bytes())
	answer = wire.AppendRecord(answer, wire.TypeStdout, id, nil)
	return append(answer, refusal(id, wire.RequestComplete)...)
}
