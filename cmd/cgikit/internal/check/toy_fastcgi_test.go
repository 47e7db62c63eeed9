package check

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
)

// toy is a small server that keeps all rules but one: that of the check in fault.
type toy struct {
	fault string

	mu    sync.Mutex
	dead  bool // answers nothing more
	count int  // of answers
	conns map[net.Conn]bool

	wg      sync.WaitGroup
	stopped chan struct{} // closed at the end of the test
}

// start serves until the test ends, and returns the address.
func (s *toy) start(t *testing.T, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.conns, s.stopped = map[net.Conn]bool{}, make(chan struct{})
	s.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			dead := s.add(c)
			s.wg.Go(func() {
				if !dead {
					serve(c)
				}
				c.Close()
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		close(s.stopped)
		s.mu.Lock()
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.wg.Wait()
	})
	return l.Addr().String()
}

// add keeps a connection for the end of the test, and reports whether the toy is dead.
func (s *toy) add(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
	return s.dead
}

// later reports whether this is not the first answer, which is that to the plain request.
func (s *toy) later() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	return s.count > 1
}

// die makes the toy a server that has crashed, if that is its fault.
func (s *toy) die(faults ...string) {
	for _, fault := range faults {
		if s.fault == fault {
			s.mu.Lock()
			s.dead = true
			s.mu.Unlock()
		}
	}
}

// hang waits for the end of the connection.
func hang(c net.Conn) { io.Copy(io.Discard, c) }

// toyRequest is a request of the toy.
type toyRequest struct {
	wire.BeginRequest
	params, stdin []byte
	pieces        int  // records of PARAMS
	complete      bool // PARAMS has ended
	waits         bool // it runs until it is aborted
}

// toyConn is a connection of the toy.
type toyConn struct {
	*toy
	net.Conn
	requests map[uint16]*toyRequest
	served   int
}

// serveFastCGI serves one connection.
func (s *toy) serveFastCGI(nc net.Conn) {
	c := &toyConn{s, nc, map[uint16]*toyRequest{}, 0}
	r := bufio.NewReader(nc)
	for {
		if r.Peek(1); s.fault == "F6.2" && r.Buffered() < wire.HeaderSize {
			return
		}
		var head [wire.HeaderSize]byte
		n, err := io.ReadFull(r, head[:])
		if n > 0 && err != nil {
			s.die("F1.4")
		}
		if err != nil {
			return
		}
		if s.fault == "F1.1" && head[0] == 2 {
			head[0] = 1
		}
		h, err := wire.ParseHeader(head)
		if err != nil {
			if head[0] == 'G' {
				s.die("F1.3")
			}
			s.die("F1.2")
			return
		}
		if s.fault == "F2.1" && h.PaddingLength > 200 || s.fault == "F2.2" && h.ContentLength+h.PaddingLength > 65535 {
			return
		}
		if s.fault == "F6.1" && h.ContentLength == 1 && h.Type == wire.TypeParams {
			return
		}
		b := make([]byte, h.ContentLength+h.PaddingLength)
		if _, err := io.ReadFull(r, b); err != nil || !c.handle(h, b[:h.ContentLength]) {
			return
		}
	}
}

// handle handles a record, and reports whether the connection goes on.
func (c *toyConn) handle(h wire.Header, content []byte) bool {
	q := c.requests[h.ID]
	switch {
	case h.ID == 0 && h.Type < wire.TypeGetValues:
		c.die("F4.2")
		return false
	case h.ID == 0:
		return c.manage(h, content)
	case h.Type == wire.TypeBeginRequest:
		return c.begin(h, content)
	case h.Type == wire.TypeStdout || h.Type == wire.TypeEndRequest:
		c.die("F10.2")
		return false
	case q == nil:
		if h.Type == wire.TypeParams && len(content) > 0 {
			c.die("F5.2")
		}
		ignored := h.Type == wire.TypeStdin && c.fault != "F5.1" || h.Type == wire.TypeAbortRequest && c.fault != "F18.4" || h.Type == wire.TypeParams
		return ignored
	case h.Type == wire.TypeAbortRequest:
		return c.abort(h.ID, q)
	case h.Type == wire.TypeParams:
		return c.addParams(h, q, content)
	case h.Type == wire.TypeStdin:
		return c.addStdin(h, q, content)
	}
	return c.fault != "F10.1" || h.Type < 90
}

// toyLimit bounds the requests of a connection.
const toyLimit = 50

func (c *toyConn) begin(h wire.Header, content []byte) bool {
	b, err := wire.ParseBeginRequest(content)
	if err != nil {
		c.die("F1.5")
		return false
	}
	if c.requests[h.ID] != nil {
		return c.fault == "F21.1"
	}
	if c.fault == "F20.1" && len(c.requests) > 0 {
		return true
	}
	if len(c.requests) >= toyLimit {
		status := map[bool]wire.ProtocolStatus{true: wire.UnknownRole, false: wire.Overloaded}[c.fault == "F20.2"]
		c.Write(wire.AppendEndRequest(nil, h.ID, wire.EndRequest{ProtocolStatus: status}))
		return true
	}
	if c.fault == "F32.1" && len(c.requests) > 3 {
		return false
	}
	if c.fault == "F17.2" && c.served > 0 {
		return false
	}
	unknown := b.Role != wire.RoleResponder && !(c.fault == "F16.3" && b.Role == wire.RoleAuthorizer) && !(c.fault == "F16.4" && b.Role == wire.RoleFilter)
	if unknown {
		return c.refuseRole(h.ID, b)
	}
	c.requests[h.ID] = &toyRequest{BeginRequest: b}
	if c.fault == "F22.1" {
		c.Write(wire.AppendRecord(nil, wire.TypeStderr, h.ID, []byte("early")))
	}
	return true
}

func (c *toyConn) refuseRole(id uint16, b wire.BeginRequest) bool {
	status := wire.UnknownRole
	if b.Role == 9 && c.fault == "F16.1" {
		status = wire.Overloaded
	}
	c.Write(wire.AppendEndRequest(nil, id, wire.EndRequest{ProtocolStatus: status}))
	return c.fault != "F16.2"
}

func (c *toyConn) manage(h wire.Header, content []byte) bool {
	if h.Type != wire.TypeGetValues {
		if h.Type < 90 {
			return true
		}
		t := h.Type
		if c.fault == "F14.1" {
			t++
		}
		c.Write(wire.AppendUnknownType(nil, t))
		return c.fault != "F14.2"
	}
	return c.manageValues(h, content)
}

func (c *toyConn) manageValues(h wire.Header, content []byte) bool {
	if c.fault == "F12.1" || c.fault == "F12.2" && len(c.requests) > 0 || c.fault == "F12.3" && h.PaddingLength == 0 {
		return true
	}
	if c.fault == "F13.4" && len(content) > 1000 {
		return false
	}
	b, err := wire.AnswerValues(content, func(name string) (string, bool) {
		switch {
		case name == "FCGI_MPXS_CONNS":
			return "1", true
		case name == "FCGI_MAX_REQS" && c.fault == "F13.1":
			return "many", true
		}
		return "10", strings.HasPrefix(name, "FCGI_MAX_") || c.fault == "F13.2"
	})
	if err != nil {
		return false
	}
	if c.fault == "F13.3" && len(content) == 0 {
		b = wire.AppendPair(nil, "FCGI_MAX_CONNS", "1")
	}
	c.Write(wire.AppendRecord(nil, wire.TypeGetValuesResult, 0, b))
	return c.fault != "F15.1"
}

func (c *toyConn) abort(id uint16, q *toyRequest) bool {
	delete(c.requests, id)
	if c.fault == "F18.1" && !q.complete || c.fault == "F18.2" && q.complete && !q.waits || c.fault == "F18.5" && q.waits {
		return true
	}
	c.Write(wire.AppendEndRequest(nil, id, wire.EndRequest{}))
	return c.fault != "F18.3"
}

func (c *toyConn) addParams(h wire.Header, q *toyRequest, content []byte) bool {
	if len(content) > 0 {
		q.pieces++
		cut := c.fault == "F6.3" && q.pieces == 2 && len(content) == 1 && len(q.params) > 1 // only the last place
		q.params = append(q.params, content...)
		return !cut
	}
	vars, ok := c.variables(q.params)
	if !ok {
		return false
	}
	q.complete = true
	if c.answerEarly(h.ID, q, vars) {
		return true
	}
	if _, known := vars["CONTENT_LENGTH"]; !known && vars["REQUEST_METHOD"] == "POST" && c.fault == "F27.1" {
		return false
	}
	return true
}

// variables decodes PARAMS, and dies of what its fault names.
func (c *toyConn) variables(params []byte) (map[string]string, bool) {
	e, err := wire.DecodePairs(params, 2_000)
	if err != nil {
		switch {
		case err == wire.ErrTooManyPairs:
			c.die("F9.4")
		case strings.HasSuffix(string(params), "\xff\xff\xff\xffnv"):
			c.die("F9.2")
		case strings.HasSuffix(string(params), "nv"):
			c.die("F9.1")
		default:
			c.die("F9.3")
		}
		return nil, false
	}
	if len(params) > 1<<20 {
		c.die("F9.5")
		return nil, false
	}
	if e.Get("") != "" {
		c.die("F11.1")
		return nil, false
	}
	_, long := e.Lookup("HTTP_X_128")
	return e.Map(), !(long && c.fault == "F8.2") && !(c.fault == "F8.1" && params[0] == 0x80)
}

func (c *toyConn) addStdin(h wire.Header, q *toyRequest, content []byte) bool {
	q.stdin = append(q.stdin, content...)
	if len(content) > 0 {
		if c.fault == "F26.3" {
			c.die("F26.3")
			return false
		}
		return c.fault != "F23.1" || len(q.stdin) < 1<<19
	}
	delete(c.requests, h.ID)
	vars, _ := c.variables(q.params)
	if c.wait(h.ID, q, vars) {
		return true
	}
	c.log(h.ID, vars)
	wrong := vars["CONTENT_LENGTH"] != "" && vars["CONTENT_LENGTH"] != fmt.Sprint(len(q.stdin))
	if wrong && (c.fault == "F26.1" && len(q.stdin) == 10 || c.fault == "F26.2" && len(q.stdin) == 1000) {
		hang(c.Conn)
		return false
	}
	c.answer(h.ID, toyResponse(c.fault, vars, q.stdin))
	c.served++
	if c.fault == "F23.2" && len(q.stdin) > 1<<19 {
		return false
	}
	stays := c.fault == "F17.1" || c.fault == "F17.3" && c.served == 2
	return q.KeepConn || stays
}

// answer writes the records of a response.
func (c *toyConn) answer(id uint16, response []byte) {
	if c.fault == "F4.1" {
		id &= 0xff
	}
	var b []byte
	add := func(t wire.RecordType, content []byte) {
		if c.fault == "F3.1" {
			b = wire.AppendPadded(b, t, id, content, 0)
			return
		}
		start := len(b)
		b = wire.AppendRecord(b, t, id, content)
		if padding := b[start+6]; c.fault == "F3.2" && padding > 0 {
			b[len(b)-1] = 'x'
		}
	}
	add(wire.TypeStderr, []byte("log"))
	if c.fault != "F24.2" {
		add(wire.TypeStderr, nil)
	}
	add(wire.TypeStdout, response[:1])
	if c.fault == "F28.1" {
		add(wire.TypeStdout, nil)
	}
	add(wire.TypeStdout, response[1:])
	for range map[string]int{"F24.1": 0, "F7.1": 2}[c.fault] + boolInt(c.fault != "F24.1" && c.fault != "F7.1") {
		add(wire.TypeStdout, nil)
	}
	end := wire.EndRequest{}
	b = wire.AppendEndRequest(b, id, end)
	if later := c.later(); later && c.fault == "F19.1" {
		b[len(b)-8+4] = 77
	}
	if c.fault == "F29.1" {
		add(wire.TypeStdout, []byte("more"))
	}
	c.Write(b)
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// slow is the timeout of checks that must not fail for want of time, and quick of those that must.
const (
	slow  = 60 * time.Second
	quick = 500 * time.Millisecond
)
