package fastcgi

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
)

// lingerTime is how long a connection whose responses are complete is still read, so that a web server that is sending gets to read
// them before a reset. nginx closes at once.
const lingerTime = 2 * time.Second

// ServeHTTP is called by net/http/fcgi for each request, in a goroutine of its own.
func (c *stdConn) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	c.mu.Lock()
	r := c.slots[slotOf(hr)]
	c.mu.Unlock()
	defer func() {
		if !r.returned { // runtime.Goexit: net/http/fcgi will not end the request
			c.breakOff(r)
			c.release(r)
			c.handlers.Done()
		}
	}()
	w.Write(nil) // makes net/http/fcgi send its own head, which fromChild drops
	if err := r.run(w); err != nil {
		c.breakOff(r)
	}
	r.returned = true
}

// fromChild acts on a record of net/http/fcgi.
func (c *stdConn) fromChild(h wire.Header, content []byte) error {
	c.mu.Lock()
	r := c.slots[h.ID]
	c.mu.Unlock()
	switch {
	case h.Type == wire.TypeEndRequest:
		c.release(r) // before the web server hears of it, as its next request may need the room
		c.end(r, r.last)
		c.handlers.Done()
	case h.Type == wire.TypeStdout && !r.headDropped:
		r.headDropped = true
	case h.Type == wire.TypeStdout && r.returned: // the last bytes, and the empty record, which end sends
		r.last = append(r.last, content...)
	case h.Type == wire.TypeStdout:
		return c.write(r, wire.TypeStdout, content)
	}
	return nil
}

// write sends a record of an open request.
func (c *stdConn) write(r *stdRequest, t wire.RecordType, content []byte) error {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	switch {
	case r.aborted:
		return io.ErrClosedPipe
	case r.ended:
		return gateway.ErrFinished
	}
	r.stderrUsed = r.stderrUsed || t == wire.TypeStderr
	if t == wire.TypeStderr {
		return c.send(appendError(c.out[:0], r.id, content))
	}
	return c.send(appendFlushed(c.out[:0], t, r.id, content))
}

// reply sends management records. That they cannot be sent is nothing for the reader to act on: it lingers where our side is closed,
// and finds out for itself that the connection is lost.
func (c *stdConn) reply(records []byte) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.send(records)
}

// end sends the last bytes of a request's response, closes its streams and ends it, in one write: nginx keeps a connection only if
// END_REQUEST comes together with the end of the body.
func (c *stdConn) end(r *stdRequest, last []byte) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if !c.close(r, false) {
		return
	}
	out := c.out[:0]
	if r.stderrUsed {
		out = wire.AppendRecord(out, wire.TypeStderr, r.id, nil)
	}
	if len(last) > 0 {
		out = wire.AppendRecord(out, wire.TypeStdout, r.id, last)
	}
	out = wire.AppendRecord(out, wire.TypeStdout, r.id, nil)
	c.send(wire.AppendEndRequest(out, r.id, wire.EndRequest{}))
	c.settle()
}

// breakOff ends a request whose response is not whole: it gets neither the end of STDOUT nor END_REQUEST.
func (c *stdConn) breakOff(r *stdRequest) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if c.close(r, true) {
		c.settle()
	}
}

// close makes the id of a request free before the web server hears of it, as it may use it again at once. It reports false if that
// was done before. The caller holds wmu.
func (c *stdConn) close(r *stdRequest, broken bool) bool {
	if r.ended {
		return false
	}
	r.ended = true
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, r.id)
	c.endBody(r)
	c.broken = c.broken || broken
	c.closing = c.closing || !r.keepConn
	return true
}

// refuse ends a request that never was open.
func (c *stdConn) refuse(id uint16, keepConn bool, status wire.ProtocolStatus) {
	c.wmu.Lock()
	defer c.wmu.Unlock()
	c.mu.Lock()
	c.closing = c.closing || !keepConn
	c.mu.Unlock()
	c.send(wire.AppendEndRequest(c.out[:0], id, wire.EndRequest{ProtocolStatus: status}))
	c.settle()
}

// settle decides what becomes of the connection after a request has ended. The caller holds wmu.
func (c *stdConn) settle() {
	c.mu.Lock()
	last := len(c.open) == 0 && !c.lingering && (c.broken || c.closing || !c.lc.Idle())
	broken := c.broken
	c.setReadDeadline()
	c.lingering = c.lingering || last
	c.mu.Unlock()
	if !last {
		return
	}
	if broken {
		c.send([]byte(breakMark))
	}
	c.finish()
}

// cut ends the connection while requests are open on it, for Server.Close. Who writes meanwhile has abortTime to end his record.
func (c *stdConn) cut() {
	c.mu.Lock()
	c.cutting = true
	c.nc.SetWriteDeadline(time.Now().Add(abortTime))
	c.mu.Unlock()
	c.wmu.Lock()
	defer c.wmu.Unlock()
	if !c.finished {
		c.finished = true
		breakConn(c.nc, nil)
	}
	c.nc.Close()
}

// finish closes our side of the connection; the reader goes on until the peer has closed its own. The caller holds wmu.
func (c *stdConn) finish() {
	c.finished = true
	w, ok := c.nc.(interface{ CloseWrite() error })
	if !ok || w.CloseWrite() != nil {
		c.nc.Close()
		return
	}
	c.nc.SetReadDeadline(time.Now().Add(lingerTime))
}

// send writes records as long as the peer takes something within each WriteTimeout. When it does not, nobody can be answered any
// more. The caller holds wmu.
func (c *stdConn) send(records []byte) error {
	if c.finished {
		return io.ErrClosedPipe
	}
	c.out = records
	for {
		cutting := c.setWriteDeadline()
		n, err := c.nc.Write(records)
		late := errors.Is(err, os.ErrDeadlineExceeded)
		records = records[n:]
		switch {
		case err == nil:
			return nil
		case late && n > 0:
			continue
		case late && !cutting:
			c.server.log().Warn("closing a connection", "reason", "the peer took nothing of a response within WriteTimeout", "peer", c.peer())
		}
		c.finished = true
		c.cancel()
		if late {
			breakConn(c.nc, net.Buffers{records})
		}
		c.nc.Close()
		if cutting {
			return io.ErrClosedPipe
		}
		return lostError(err)
	}
}

// setWriteDeadline bounds a wait for the peer. Once the server is being closed, which it reports, the deadline is cut's.
func (c *stdConn) setWriteDeadline() (cutting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if bound := timeout(c.server.WriteTimeout); bound > 0 && !c.cutting {
		c.nc.SetWriteDeadline(time.Now().Add(bound))
	}
	return c.cutting
}
