package fastcgi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// stdConn is one connection of a StdServer. A goroutine reads it; each request's goroutine, net/http/fcgi's own, writes to it.
type stdConn struct {
	server   *StdServer
	lc       *transport.Conn
	nc       net.Conn
	in       *bufio.Reader
	records  *wire.RecordReader
	feed     *io.PipeWriter // to net/http/fcgi
	ctx      context.Context
	cancel   context.CancelFunc
	handlers sync.WaitGroup // one for each slot that net/http/fcgi knows

	// wmu is held while records are written, and taken before mu.
	wmu      sync.Mutex
	out      []byte // reused
	finished bool   // nothing can be written any more

	mu          sync.Mutex
	open        map[uint16]*stdRequest // by the web server's id, until they end
	slots       map[uint16]*stdRequest // by slot, until net/http/fcgi is done with them
	lastSlot    uint16
	paramsBytes int64         // of all slots
	heads       []*stdRequest // open, with PARAMS that have not ended; the oldest first
	bodies      int           // open requests whose STDIN has not ended
	closing     bool          // to be closed when no request is open
	broken      bool          // to be broken then: a response was not whole
	cutting     bool          // the server is being closed: the write deadline is cut's
	lingering   bool          // our side is closed, or about to be
	spoken      bool          // a record has come
	inRecord    bool
	since       time.Time // when the reader's present wait began
}

// serveConn serves one connection and returns when its last App has.
func (s *StdServer) serveConn(ctx context.Context, lc *transport.Conn) {
	c := &stdConn{
		server: s,
		lc:     lc,
		nc:     lc.Net,
		in:     bufio.NewReader(lc.Net),
		open:   make(map[uint16]*stdRequest),
		slots:  make(map[uint16]*stdRequest),
	}
	c.records = wire.NewRecordReader(c.in)
	c.ctx, c.cancel = context.WithCancel(ctx)
	defer c.cancel()
	lc.OnClose(c.cut)
	feed, wait := serveChild(c)
	c.feed = feed
	c.readEnded(c.read())
	c.handlers.Wait()
	wait()
}

// read handles records until one is wrong or no more come.
func (c *stdConn) read() error {
	for {
		c.setInRecord(false)
		if _, err := c.in.Peek(1); err != nil {
			return err
		}
		c.setInRecord(true)
		h, content, err := c.records.Next()
		if err != nil {
			return err
		}
		if err := c.handle(h, content); err != nil {
			return err
		}
	}
}

// handle acts on one record. Records of an id that is not open mean nothing (FastCGI section 3.3), nor do types that no responder
// knows. An error closes the connection.
func (c *stdConn) handle(h wire.Header, content []byte) error {
	if h.ID == 0 {
		return c.manage(h.Type, content)
	}
	if h.Type == wire.TypeBeginRequest {
		return c.begin(h.ID, content)
	}
	c.mu.Lock()
	r := c.open[h.ID]
	c.mu.Unlock()
	if r == nil {
		return nil
	}
	switch h.Type {
	case wire.TypeAbortRequest:
		c.abort(r)
	case wire.TypeParams:
		return c.params(r, content)
	case wire.TypeStdin:
		return c.body(r, content)
	}
	return nil
}

// manage answers a management record (FastCGI section 4).
func (c *stdConn) manage(t wire.RecordType, content []byte) error {
	switch {
	case t == wire.TypeUnknownType: // an answer to it could go on for ever
		return nil
	case t == wire.TypeGetValues:
		answer, err := wire.AnswerValues(content, c.server.value)
		if err != nil {
			return fmt.Errorf("GET_VALUES: %w", err)
		}
		c.reply(wire.AppendRecord(nil, wire.TypeGetValuesResult, 0, answer))
	case t <= wire.TypeData:
		return wire.Errorf("record of type %d for request 0, which there is none", t)
	default:
		c.reply(wire.AppendUnknownType(nil, t))
	}
	return nil
}

// begin opens a request, or tells the web server why not.
func (c *stdConn) begin(id uint16, content []byte) error {
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
		c.server.log().Warn("refusing requests above the limits", "max_requests", c.server.MaxRequests, "max_of_connection", maxSlots,
			"peer", c.peer())
	}
	c.refuse(id, b.KeepConn, status)
	return nil
}

// admit gives a request its place, or returns another status than RequestComplete. The caller holds mu.
func (c *stdConn) admit(id uint16, b wire.BeginRequest) (wire.ProtocolStatus, error) {
	switch {
	case c.open[id] != nil:
		return 0, wire.Errorf("request %d begun again while it is open", id)
	case c.closing || c.broken || c.lingering || c.server.stopping.Load() && len(c.open) > 0:
		return wire.CannotMultiplex, nil
	case b.Role != RoleResponder:
		return wire.UnknownRole, nil
	case len(c.slots) >= maxSlots:
		return wire.Overloaded, nil
	case !c.lc.Active():
		return 0, gateway.ErrServerClosed
	}
	if entered, _ := c.server.requests.Enter(c.server.MaxRequests); !entered {
		return wire.Overloaded, nil
	}
	r := newStdRequest(c, id, b.KeepConn)
	for r.slot == 0 || c.slots[r.slot] != nil {
		c.lastSlot++
		r.slot = c.lastSlot
	}
	c.open[id], c.slots[r.slot] = r, r
	c.heads = append(c.heads, r)
	c.bodies++
	return wire.RequestComplete, nil
}

// params takes a record of the variables, and calls the App when they are complete.
func (c *stdConn) params(r *stdRequest, content []byte) error {
	switch {
	case r.paramsEnded:
		return wire.Errorf("PARAMS of request %d behind their end", r.id)
	case len(content) > 0:
		c.addParams(r, content)
		return nil
	}
	if err := r.decodeParams(); err != nil {
		return fmt.Errorf("request %d: %w", r.id, err)
	}
	if r.refusal != nil {
		c.logParams()
	}
	c.mu.Lock()
	c.endHead(r)
	r.paramsEnded = true
	c.mu.Unlock()
	c.handlers.Add(1)
	_, err := c.feed.Write(appendChildRequest(nil, r.slot))
	return err
}

// addParams keeps a piece of the variables, within the bounds. Those of a request that is over them are dropped, and it is refused
// when they have ended: an answer before that would be against FastCGI section 6.2.
func (c *stdConn) addParams(r *stdRequest, content []byte) {
	most, size := c.server.maxParamsBytes(), int64(len(content))
	switch {
	case r.refusal != nil:
	case most >= 0 && r.paramsBytes+size > most:
		r.params, r.refusal = nil, paramsTooLarge
	case !c.reserve(r, size):
		c.logParams()
		c.drop(r)
		c.refuse(r.id, r.keepConn, wire.Overloaded)
	default:
		r.params = append(r.params, content...)
	}
}

// reserve counts size bytes of variables, unless that is over the connection's bound.
func (c *stdConn) reserve(r *stdRequest, size int64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if most := c.server.maxParamsBytes(); most >= 0 && (c.paramsBytes+size-1)/16 >= most { // 16*most may overflow
		return false
	}
	r.paramsBytes += size
	c.paramsBytes += size
	return true
}

func (c *stdConn) logParams() {
	if c.server.overParams.IsNews() {
		c.server.log().Warn("refusing a request with too many variables, or too large ones", "max_params", c.server.maxParams(),
			"max_params_bytes", c.server.maxParamsBytes(), "peer", c.peer())
	}
}

// decodeParams makes the environ of the variables.
func (r *stdRequest) decodeParams() (err error) {
	r.environ, err = wire.DecodePairs(r.params, r.conn.server.maxParams())
	r.params = nil
	if errors.Is(err, wire.ErrTooManyPairs) {
		r.refusal, err = paramsTooLarge, nil
	}
	return err
}

// body takes a record of the body.
func (c *stdConn) body(r *stdRequest, content []byte) error {
	switch {
	case !r.paramsEnded:
		return wire.Errorf("STDIN of request %d before the end of its PARAMS", r.id)
	case len(content) > 0:
		r.stdin.put(content)
	default:
		r.stdin.end(io.EOF)
		c.mu.Lock()
		c.endBody(r)
		c.mu.Unlock()
	}
	return nil
}

// endHead and endBody note that no more of it is waited for, once. The caller holds mu.
func (c *stdConn) endHead(r *stdRequest) {
	if i := slices.Index(c.heads, r); i >= 0 {
		c.heads = slices.Delete(c.heads, i, i+1)
	}
}

func (c *stdConn) endBody(r *stdRequest) {
	if !r.bodyEnded {
		r.bodyEnded = true
		c.bodies--
	}
}

// abort ends a request for a web server that does not want it any more (FastCGI section 5.4).
func (c *stdConn) abort(r *stdRequest) {
	r.cancel()
	r.stdin.end(errBodyCut)
	c.wmu.Lock()
	r.aborted = true
	c.wmu.Unlock()
	if !r.paramsEnded {
		c.drop(r)
		c.refuse(r.id, r.keepConn, wire.RequestComplete)
		return
	}
	c.end(r, nil)
}

// drop takes away a request that net/http/fcgi does not know yet. A refuse must follow.
func (c *stdConn) drop(r *stdRequest) {
	c.mu.Lock()
	delete(c.open, r.id)
	c.endHead(r)
	c.endBody(r)
	c.mu.Unlock()
	c.release(r)
}

// release gives back what a request holds of the connection and of the server.
func (c *stdConn) release(r *stdRequest) {
	r.cancel()
	r.stdin.close()
	c.mu.Lock()
	delete(c.slots, r.slot)
	c.paramsBytes -= r.paramsBytes
	c.mu.Unlock()
	c.server.requests.Leave()
}

// readEnded ends what can no longer be completed. A web server that closed its side only may still want its responses.
func (c *stdConn) readEnded(err error) {
	c.logReadError(err)
	c.cancel()
	c.mu.Lock()
	for _, r := range c.slots {
		r.stdin.end(errBodyCut)
	}
	heads := slices.Clone(c.heads)
	c.mu.Unlock()
	for _, r := range heads {
		c.drop(r)
	}
	if err != io.EOF {
		c.nc.Close()
	}
}

// logReadError logs why a connection ended before its time, unless that is only a web server that went away, as they do with their
// clients.
func (c *stdConn) logReadError(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	unfinished := len(c.heads) > 0 || len(c.open) == 0 && c.inRecord
	switch gone := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF); {
	case c.lingering || errors.Is(err, net.ErrClosed) || errors.Is(err, gateway.ErrServerClosed):
		return
	case gone && !unfinished || gateway.PeerGone(err):
		return
	case gone:
		err = fmt.Errorf("fastcgi: the peer went away within a request's variables or a record")
	case errors.Is(err, os.ErrDeadlineExceeded) && !unfinished && len(c.open) == 0:
		return // an idle connection
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("fastcgi: the peer sent less than a whole request within ReadTimeout: %w", err)
	}
	c.server.log().Warn("closing a connection", "reason", err, "peer", c.peer())
}

// setInRecord tells where in the stream the reader is, which decides how long it may wait.
func (c *stdConn) setInRecord(in bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.inRecord, c.since = in, time.Now()
	c.spoken = c.spoken || in
	c.setReadDeadline()
}

// setReadDeadline bounds the reader's present wait. The caller holds mu.
func (c *stdConn) setReadDeadline() {
	if !c.lingering {
		c.nc.SetReadDeadline(c.readDeadline())
	}
}

// readDeadline returns when the present wait ends, zero for never.
func (c *stdConn) readDeadline() time.Time {
	since, waiting := c.since, c.inRecord || !c.spoken || c.bodies > 0
	if len(c.heads) > 0 {
		since = c.heads[0].begun // as a whole: a byte now and then must not do
	}
	bound := timeout(c.server.ReadTimeout)
	if !waiting {
		since, bound = time.Now(), max(c.server.IdleTimeout, 0)
	}
	if bound == 0 || !waiting && len(c.open) > 0 {
		return time.Time{}
	}
	return since.Add(bound)
}

func (c *stdConn) peer() string { return c.nc.RemoteAddr().String() }
