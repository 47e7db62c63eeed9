package nethttp

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/gateway/transport"
)

// conn is one connection of a Server. The watch, in a goroutine of its own, reads records and
// passes them on to net/http/fcgi, whose reader and handlers have goroutines of their own too.
//
// A request is held back until the first record of its STDIN has come, which is when net/http/fcgi
// would call its handler: what is refused or aborted before never gets there. Then its records are
// passed on as they came, and one more PARAMS record, just before the end of the PARAMS. By its
// only variable the handler finds the request; the last of several variables of one name counts, so
// that a peer cannot forge it.
//
// net/http/fcgi never gets an ABORT_REQUEST. It would end the request while its handler still runs,
// and the next request of that id would get the bytes of the old handler. It gets the end of STDIN
// in its place, and after the END_REQUEST of a handler that has not read all of its body, so that
// it forgets the id.
type conn struct {
	server      *Server
	log         *slog.Logger
	readTimeout time.Duration // not positive is none
	tracked     *transport.Conn
	nc          net.Conn
	socket      *transport.Socket
	ctx         context.Context // the parent of the requests' contexts
	ahead       *ahead          // what net/http/fcgi has not taken yet
	writer      writer
	running     sync.WaitGroup // the requests that net/http/fcgi has

	// For the watch alone.
	in     *bufio.Reader
	record []byte // the last one that came, as it came; reused

	mu          sync.Mutex
	state       state
	requests    table
	waiting     wait
	since       time.Time // when that wait began
	spoken      bool      // a record has come
	asked       bool      // a request has come as far as net/http/fcgi
	lingerUntil time.Time // the end of the last wait, for the peer to close its side
}

// state is how far a connection has come in its life. It only grows.
type state int

const (
	serving  state = iota
	closing        // ends when no request is open
	breaking       // ends then too, with the mark of a response that is not complete
	ended          // nothing more is sent, and what comes is dropped
)

// serveConn serves one connection and returns when its last App has returned.
func (s *Server) serveConn(ctx context.Context, tracked *transport.Conn, log *slog.Logger) {
	c := newConn(ctx, s, tracked, log)
	tracked.OnClose(c.writer.abort)
	serveInner(c)
	c.watchEnded(c.watch())
	c.running.Wait()
	c.ahead.waitEnd()
}

func newConn(ctx context.Context, s *Server, tracked *transport.Conn, log *slog.Logger) *conn {
	c := &conn{
		server:      s,
		log:         log,
		readTimeout: cmp.Or(s.ReadTimeout, transport.DefaultTimeout),
		tracked:     tracked,
		nc:          tracked.Net,
		socket:      transport.NewSocket(tracked.Net),
		ctx:         ctx,
		ahead:       newAhead(),
		in:          bufio.NewReader(tracked.Net),
		record:      make([]byte, wire.HeaderSize),
		requests:    table{open: make(map[uint16]*request)},
	}
	c.writer = writer{nc: c.nc, socket: c.socket, timeout: cmp.Or(s.WriteTimeout, transport.DefaultTimeout), failed: c.writeFailed}
	return c
}

// watch reads records and handles them, until one is wrong or no more come.
func (c *conn) watch() error {
	for {
		h, err := c.next()
		if err == nil {
			err = c.handleRecord(h, c.record)
		}
		if err == nil {
			err = c.waitForRoom()
		}
		if err != nil {
			return err
		}
	}
}

// next reads the next record into c.record.
func (c *conn) next() (wire.Header, error) {
	c.waitFor(forRecord)
	if _, err := c.in.Peek(1); err != nil {
		return wire.Header{}, err
	}
	c.waitFor(forWhole)
	c.record = c.record[:wire.HeaderSize]
	if _, err := io.ReadFull(c.in, c.record); err != nil {
		return wire.Header{}, err
	}
	h, err := wire.ParseHeader([wire.HeaderSize]byte(c.record))
	if err != nil {
		return h, err
	}
	if h.Type == wire.TypeStdin && c.find(h.ID) != nil {
		c.waitFor(forBody)
	}
	return h, c.readContent(h.ContentLength + h.PaddingLength)
}

// readContent reads what follows the header.
func (c *conn) readContent(size int) error {
	whole := wire.HeaderSize + size
	if whole > cap(c.record) {
		c.record = append(make([]byte, 0, max(whole, 2048)), c.record...)
	}
	c.record = c.record[:whole]
	_, err := io.ReadFull(c.in, c.record[wire.HeaderSize:])
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

func (c *conn) find(id uint16) *request {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.requests.open[id]
}

// watchEnded ends what can no longer be completed. net/http/fcgi gets what has come, and then the
// end. A web server that has closed its sending side only still gets its responses.
func (c *conn) watchEnded(err error) {
	c.logReadError(err)
	if err != io.EOF { // first, as no App must answer what an error of the protocol has cut off
		c.nc.Close()
	}
	c.endContexts(c.goneCause())
	for _, r := range c.notPassed() {
		c.drop(r)
	}
	c.ahead.close()
}

// notPassed returns the requests that net/http/fcgi does not have.
func (c *conn) notPassed() (all []*request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests.open {
		if !r.passed {
			all = append(all, r)
		}
	}
	return all
}

// endContexts tells the Apps of all requests that their responses are not wanted any more.
func (c *conn) endContexts(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests.open {
		r.ctx.End(cause)
	}
}

// goneCause is the cause of the contexts of requests whose connection has ended.
func (c *conn) goneCause() error {
	if c.writer.aborting.Load() != nil {
		return gateway.ErrServerClosed
	}
	return gateway.ErrClientGone
}

// logReadError logs why a connection ended early, unless the web server only went away between
// requests or within a body, as it does when its client does.
func (c *conn) logReadError(err error) {
	c.mu.Lock()
	over := c.state == ended
	idle := len(c.requests.open) == 0 && c.waiting != forWhole
	quiet := idle || len(c.requests.open) > 0 && !c.requests.hasParams()
	c.mu.Unlock()
	gone := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	late := errors.Is(err, os.ErrDeadlineExceeded)
	switch {
	case over || errors.Is(err, net.ErrClosed) || errors.Is(err, gateway.ErrServerClosed) || gateway.PeerGone(err):
	case gone && quiet || late && idle:
	case gone:
		c.warn("closing a connection that ended early", "reason", errEndedEarly)
	case late:
		c.warn("closing a connection that was silent", "reason", fmt.Errorf("nethttp: the peer sent less than a whole request within ReadTimeout: %w", err))
	default:
		c.warn("closing a connection that broke the protocol", "reason", err)
	}
}

// errEndedEarly is why a connection is logged that the web server has closed in the middle of
// something.
var errEndedEarly = errors.New("nethttp: the peer went away within a request's variables or a record")

// warn logs trouble with this peer, once a minute for each msg, so that many bad connections do not
// fill the log.
func (c *conn) warn(msg string, args ...any) {
	c.server.conns.Warn(msg, append(args, "peer", c.nc.RemoteAddr().String())...)
}
