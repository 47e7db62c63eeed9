package gofastconn

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/cgikit/cgikit/fastcgi"
	"github.com/cgikit/cgikit/fastcgi/wire"
	"github.com/cgikit/cgikit/gateway"
	"github.com/cgikit/cgikit/util"
)

// conn is a connection as gofast sees it. There is no socket behind it: the records that gofast
// writes become a request to a fastcgi.Client, and the response becomes records again.
type conn struct {
	pool     *fastcgi.Client
	ctx      context.Context // ends with the connection
	cancel   context.CancelFunc
	observer *observer   // of the response; may be nil
	answer   chan answer // takes the response in gofast's place; may be nil
	stderr   io.Writer   // takes STDERR in gofast's place, with answer

	toUs   *io.PipeWriter // records of gofast's
	toThem *io.PipeReader // records for gofast

	mu   sync.Mutex
	body error // of the request, which broke off
}

// answer is what a RoundTrip returned.
type answer struct {
	response *gateway.Response
	err      error
}

// open makes a connection of c, which has its pool and what it wants of the rest.
func (c *conn) open(ctx context.Context) *conn {
	c.ctx, c.cancel = context.WithCancel(ctx)
	if ctx.Err() != nil {
		c.cancel() // package context may do that later, in a goroutine
	}
	records, toUs := io.Pipe()
	toThem, replies := io.Pipe()
	c.toUs, c.toThem = toUs, toThem
	context.AfterFunc(c.ctx, func() {
		toUs.CloseWithError(net.ErrClosed)
		toThem.CloseWithError(net.ErrClosed)
		records.CloseWithError(net.ErrClosed)
		replies.CloseWithError(net.ErrClosed)
	})
	go c.serve(wire.NewRecordReader(bufio.NewReader(records)), replies)
	return c
}

// serve performs one request after the other.
func (c *conn) serve(records *wire.RecordReader, replies io.Writer) {
	defer c.cancel()
	for {
		r := &exchange{conn: c, records: records, replies: replies}
		if err := r.perform(); err != nil {
			c.giveUp(err)
			return
		}
	}
}

// giveUp answers for a request that got no further.
func (c *conn) giveUp(err error) {
	given := &gateway.BackendError{Status: 502, Reason: "the request was given up", Err: cmp.Or(c.ctx.Err(), err)}
	if errors.Is(c.ctx.Err(), context.DeadlineExceeded) {
		given.Status, given.Reason = 504, "the application did not answer in time"
	}
	err = given
	select {
	case c.answer <- answer{nil, cmp.Or(c.bodyError(), err)}:
	default: // there was an answer, or nobody waits for one
	}
}

// failBody ends the exchange because of its request's body.
func (c *conn) failBody(err error) {
	c.mu.Lock()
	c.body = cmp.Or(c.body, err)
	c.mu.Unlock()
	c.cancel()
}

func (c *conn) bodyError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.body
}

// Read gives gofast the records of the response.
func (c *conn) Read(p []byte) (int, error) { return c.toThem.Read(p) }

// Write takes records of gofast's.
func (c *conn) Write(p []byte) (int, error) { return c.toUs.Write(p) }

// Close ends the exchange.
func (c *conn) Close() error {
	c.cancel()
	return nil
}

// addr is no address: the exchanges have those of their Pool.
type addr struct{}

func (addr) Network() string { return "fastcgi" }
func (addr) String() string  { return "gofastconn" }

func (*conn) LocalAddr() net.Addr  { return addr{} }
func (*conn) RemoteAddr() net.Addr { return addr{} }

// The deadlines are the Pool's.

func (*conn) SetDeadline(time.Time) error      { return errors.ErrUnsupported }
func (*conn) SetReadDeadline(time.Time) error  { return errors.ErrUnsupported }
func (*conn) SetWriteDeadline(time.Time) error { return errors.ErrUnsupported }

// environ decodes a whole PARAMS stream.
func environ(params []byte) (*util.Environ, error) {
	e := util.NewEnviron()
	for data := string(params); data != ""; {
		name, value, rest, err := wire.CutPair(data)
		if err != nil {
			return nil, err
		}
		e.Add(name, value)
		data = rest
	}
	return e, nil
}
