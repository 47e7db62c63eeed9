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

// conn is one connection of a Server. The watch, a goroutine of its own, reads records and passes
// them to net/http/fcgi, whose reader and handlers run in other goroutines.
//
// The records of a request are held until the first record of its STDIN arrives: net/http/fcgi
// calls its handler then. A request that is refused or aborted before is not passed on. Just before
// the end of the PARAMS the watch inserts one more PARAMS record. The handler finds the request by
// the only variable in it. A peer cannot forge this variable, because the last of several variables
// with one name counts.
//
// net/http/fcgi never gets an ABORT_REQUEST. It would end the request while its handler still runs,
// and the next request with that id would get the output of the old handler. It gets the end of
// STDIN instead. It also gets that after the END_REQUEST of a handler that has not read its whole
// body, so that it forgets the id.
type conn struct {
	server      *Server
	log         *slog.Logger
	readTimeout time.Duration // zero and negative are no bound
	tracked     *transport.Conn
	nc          net.Conn
	socket      *transport.Socket
	ctx         context.Context // the parent of the requests' contexts
	ahead       *ahead          // the records that net/http/fcgi has not read yet
	writer      writer
	running     sync.WaitGroup // the requests that were passed to net/http/fcgi

	// Only the watch uses these.
	in     *bufio.Reader
	record []byte // the last record, with header and padding; reused

	mu          sync.Mutex
	state       state
	requests    table
	waiting     wait
	since       time.Time // when that wait began
	sawData     bool      // a record has begun
	passedOne   bool      // a request was passed to net/http/fcgi
	lingerUntil time.Time // the end of the last wait, for the peer to close its side
}

// state is the state of a connection. It never goes back.
type state int

const (
	serving  state = iota
	closing        // will be closed when no request is open
	breaking       // as closing, with the mark of an incomplete response
	ended          // nothing more is sent, and input is dropped
)

// serveConn serves one connection and returns when its last App has returned.
func (s *Server) serveConn(ctx context.Context, tracked *transport.Conn, log *slog.Logger) {
	c := newConn(ctx, s, tracked, log)
	tracked.OnClose(c.writer.abort)
	serveInner(c)
	c.stopReading(c.watch())
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

// watch reads and handles records until one is invalid or the connection ends.
func (c *conn) watch() error {
	for {
		h, err := c.readRecord()
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

// readRecord reads the next record into c.record.
func (c *conn) readRecord() (wire.Header, error) {
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

// readContent reads the content and the padding of a record, size bytes, after its header.
func (c *conn) readContent(size int) error {
	total := wire.HeaderSize + size
	if total > cap(c.record) {
		c.record = append(make([]byte, 0, max(total, 2048)), c.record...)
	}
	c.record = c.record[:total]
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

// stopReading is called when the watch has ended with err. It drops the requests that can no longer
// be completed. net/http/fcgi reads the buffered records and then io.EOF. A web server that has
// closed only its sending side still gets its responses.
func (c *conn) stopReading(err error) {
	c.logReadError(err)
	if err != io.EOF { // close first, so that no App answers a request that a protocol error has cut
		c.nc.Close()
	}
	c.cancelContexts(c.goneCause())
	for _, r := range c.notPassed() {
		c.drop(r)
	}
	c.ahead.close()
}

// notPassed returns the requests that were not passed to net/http/fcgi.
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

// cancelContexts cancels the contexts of all requests.
func (c *conn) cancelContexts(cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.requests.open {
		r.ctx.End(cause)
	}
}

// goneCause returns the cause with which the contexts of open requests end after a disconnect.
func (c *conn) goneCause() error {
	if c.writer.aborting.Load() != nil {
		return gateway.ErrServerClosed
	}
	return gateway.ErrClientGone
}

// logReadError logs why a connection ended early. It does not log a disconnect between requests or
// within a body, which happens when the client of the web server disconnects.
func (c *conn) logReadError(err error) {
	c.mu.Lock()
	over := c.state == ended
	idle := len(c.requests.open) == 0 && c.waiting != forWhole
	quiet := idle || len(c.requests.open) > 0 && !c.requests.hasPending()
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

// errEndedEarly is logged for a connection that the web server closed within a record or within a
// request's variables.
var errEndedEarly = errors.New("nethttp: the peer went away within a request's variables or a record")

// warn logs a fault of this peer. Each msg is logged once a minute, so that many faulty connections
// do not fill the log.
func (c *conn) warn(msg string, args ...any) {
	c.server.conns.Warn(msg, append(args, "peer", c.tracked.RemoteAddr().String())...)
}
